DROP TABLE erasure_mentions;
DROP TABLE erasure_items;
DROP TABLE erasures;
DROP TABLE subject_exports;
DROP TABLE subject_request_steps;
DROP TABLE subject_requests;
