-- PostgreSQL alone has the second fence.
SELECT 1;
