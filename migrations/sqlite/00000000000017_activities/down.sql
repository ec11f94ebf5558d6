DROP TABLE activity_comments;
DROP TABLE activities;
