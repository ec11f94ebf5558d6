DROP TABLE playbook_values;
DROP TABLE playbook_answers;
DROP TABLE playbook_runs;
DROP TABLE playbook_simulations;
DROP TABLE playbook_versions;
