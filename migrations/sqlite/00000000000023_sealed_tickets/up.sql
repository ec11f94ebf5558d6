-- What a ticket knows of its requester is one document, sealed with the key of the desk where it was
-- filed, and prints beside it for what is searched (docs/adr/0029). SQL has no keys, so what is there
-- already becomes the document as it is, and the program seals it at once: until then it begins with a
-- brace, and what was the value stands where the print will be.
UPDATE tickets SET
    details = json_object('identity', requester_identity, 'tax_code', tax_code, 'given_name', given_name,
        'family_name', family_name, 'email', email, 'phone', phone, 'details', json(details)),
    given_name = coalesce((SELECT custodian FROM legs WHERE legs.ticket_id = tickets.id AND legs.no = 1),
        custodian);
ALTER TABLE tickets RENAME COLUMN details TO dossier;
ALTER TABLE tickets RENAME COLUMN given_name TO key_desk;
ALTER TABLE tickets RENAME COLUMN requester_identity TO identity_print;
ALTER TABLE tickets RENAME COLUMN tax_code TO tax_code_print;
ALTER TABLE tickets RENAME COLUMN family_name TO family_name_print;
ALTER TABLE tickets RENAME COLUMN email TO email_print;
ALTER TABLE tickets RENAME COLUMN phone TO phone_print;
CREATE INDEX tickets_plain ON tickets (id) WHERE substr(dossier, 1, 1) = '{';

-- Likewise the two people of a delegation.
ALTER TABLE delegations ADD COLUMN people TEXT NOT NULL DEFAULT '';
UPDATE delegations SET
    people = json_object('delegate', delegate_tax_code, 'delegator', delegator_tax_code);
ALTER TABLE delegations RENAME COLUMN delegate_tax_code TO delegate_print;
ALTER TABLE delegations RENAME COLUMN delegator_tax_code TO delegator_print;
