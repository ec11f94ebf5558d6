DROP TABLE reply_templates;
DROP TABLE bulk_results;
DROP TABLE bulk_pages;
DROP TABLE bulk_jobs;
