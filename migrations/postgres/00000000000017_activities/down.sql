DROP POLICY changes_of_technical_desk ON changes;
DROP TABLE activity_comments;
DROP TABLE activities;
