DROP TABLE complaint_reply_schemes;
DROP TABLE complaint_protocols;
DROP TABLE complaint_dispatches;
DROP TABLE complaint_tickets;
DROP TABLE complaint_entries;
DROP TABLE complaints;
DROP TABLE reviews;
