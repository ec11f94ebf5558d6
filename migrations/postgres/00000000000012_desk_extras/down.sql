DROP TABLE announcement_answered;
DROP TABLE announcement_answers;
DROP TABLE announcement_tickets;
DROP TABLE announcement_acknowledgements;
DROP TABLE announcements;
DROP TABLE callback_attempts;
DROP TABLE callbacks;
DROP TABLE contacts;
