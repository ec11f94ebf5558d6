-- What was sealed meanwhile SQL cannot open: only rows that are still plain come back whole.
DROP INDEX tickets_plain;
UPDATE tickets SET
    key_desk = json_extract(dossier, '$.given_name'),
    identity_print = json_extract(dossier, '$.identity'),
    tax_code_print = json_extract(dossier, '$.tax_code'),
    family_name_print = json_extract(dossier, '$.family_name'),
    email_print = json_extract(dossier, '$.email'),
    phone_print = json_extract(dossier, '$.phone'),
    dossier = json_extract(dossier, '$.details')
WHERE substr(dossier, 1, 1) = '{';
ALTER TABLE tickets RENAME COLUMN dossier TO details;
ALTER TABLE tickets RENAME COLUMN key_desk TO given_name;
ALTER TABLE tickets RENAME COLUMN identity_print TO requester_identity;
ALTER TABLE tickets RENAME COLUMN tax_code_print TO tax_code;
ALTER TABLE tickets RENAME COLUMN family_name_print TO family_name;
ALTER TABLE tickets RENAME COLUMN email_print TO email;
ALTER TABLE tickets RENAME COLUMN phone_print TO phone;
UPDATE delegations SET
    delegate_print = json_extract(people, '$.delegate'),
    delegator_print = json_extract(people, '$.delegator')
WHERE substr(people, 1, 1) = '{';
ALTER TABLE delegations DROP COLUMN people;
ALTER TABLE delegations RENAME COLUMN delegate_print TO delegate_tax_code;
ALTER TABLE delegations RENAME COLUMN delegator_print TO delegator_tax_code;
