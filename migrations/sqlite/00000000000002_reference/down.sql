DROP TABLE problem_types;
DROP TABLE services;
DROP TABLE authorities;
