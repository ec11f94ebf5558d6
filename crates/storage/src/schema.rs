//! The tables, as Diesel knows them. Written by hand, compared with both databases by
//! `tests/tables/schema.rs`. Column for column the same as in `migrations/`.

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    /// See `migrations/`.
    authorities (code) {
        code -> Text,
        kind -> Text,
        label -> Text,
        valid_from -> Nullable<Text>,
        valid_to -> Nullable<Text>,
        successor -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    /// See `migrations/`.
    services (code) {
        code -> Text,
        label_it -> Text,
        label_en -> Text,
        valid_from -> Nullable<Text>,
        valid_to -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    /// See `migrations/`.
    problem_types (service_code, code) {
        service_code -> Text,
        code -> Text,
        label_it -> Text,
        label_en -> Text,
        valid_from -> Nullable<Text>,
        valid_to -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Bool, Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    accounts (id) {
        id -> Uid,
        username -> Text,
        display_name -> Text,
        password_hash -> Text,
        active -> Bool,
        failures -> Integer,
        blocked_until -> Nullable<Instant>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Bool, Text};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    placements (id) {
        id -> Uid,
        account_id -> Uid,
        role -> Text,
        authority_code -> Text,
        location_code -> Text,
        location_label -> Text,
        active -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    sessions (id) {
        id -> Uid,
        account_id -> Uid,
        placement_id -> Nullable<Uid>,
        refresh_hash -> Text,
        created_at -> Instant,
        used_at -> Instant,
        expires_at -> Instant,
        revoked_at -> Nullable<Instant>,
        second_factor_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::sql_types::{Instant, JsonDoc, Uid};
    /// See `migrations/`.
    tickets (id) {
        id -> Uid,
        number -> Text,
        version -> BigInt,
        service_code -> Text,
        problem_type -> Text,
        declared_authority -> Nullable<Text>,
        custodian -> Text,
        at_region -> Bool,
        state -> Text,
        state_since -> Nullable<Instant>,
        timer_at -> Nullable<Instant>,
        resolution_code -> Nullable<Text>,
        assignee -> Nullable<Text>,
        tallies -> JsonDoc,
        needs_attention -> Bool,
        priority -> Integer,
        kind -> Nullable<Text>,
        tags -> Text,
        channel -> Text,
        requester_kind -> Text,
        identity_print -> Nullable<Text>,
        tax_code_print -> Text,
        key_desk -> Text,
        family_name_print -> Text,
        email_print -> Text,
        phone_print -> Nullable<Text>,
        description -> Nullable<Text>,
        dossier -> Text,
        follow_up_of -> Nullable<Uid>,
        created_at -> Instant,
        updated_at -> Instant,
        due_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, JsonDoc, Uid};
    /// See `migrations/`.
    ticket_events (ticket_id, seq) {
        ticket_id -> Uid,
        seq -> BigInt,
        at -> Instant,
        kind -> Text,
        state -> Text,
        actor_kind -> Text,
        actor_account -> Nullable<Uid>,
        actor_desk -> Nullable<Text>,
        change -> JsonDoc,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    notes (ticket_id, seq) {
        ticket_id -> Uid,
        seq -> BigInt,
        kind -> Text,
        audience -> Text,
        team -> Nullable<Text>,
        party -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    attachments (id) {
        id -> Uid,
        ticket_id -> Uid,
        seq -> BigInt,
        file_name -> Text,
        file_kind -> Text,
        size -> BigInt,
        sha256 -> Text,
        blob_key -> Text,
        blob_secret -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    legs (ticket_id, no) {
        ticket_id -> Uid,
        no -> Integer,
        custodian -> Text,
        opened_at -> Instant,
        closed_at -> Nullable<Instant>,
        closed_seq -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    outbox (id) {
        id -> Uid,
        ticket_id -> Nullable<Uid>,
        seq -> Nullable<BigInt>,
        proof_id -> Nullable<Uid>,
        template -> Text,
        recipient -> Text,
        lang -> Text,
        state -> Text,
        attempts -> Integer,
        due_at -> Instant,
        fence -> BigInt,
        last_error -> Nullable<Text>,
        created_at -> Instant,
        sent_at -> Nullable<Instant>,
        account_id -> Nullable<Uid>,
        issue_id -> Nullable<Uid>,
        client_id -> Nullable<Uid>,
        channel -> Text,
        endpoint_id -> Nullable<Uid>,
        payload -> Nullable<Text>,
        desk -> Nullable<Text>,
        discarded_at -> Nullable<Instant>,
        discarded_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, JsonDoc, Uid};
    /// See `migrations/`.
    changes (arrival) {
        arrival -> BigInt,
        position -> Nullable<BigInt>,
        at -> Instant,
        kind -> Text,
        desk -> Nullable<Text>,
        former_desk -> Nullable<Text>,
        ticket_id -> Nullable<Uid>,
        seq -> Nullable<BigInt>,
        subject -> Nullable<Text>,
        detail -> JsonDoc,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    due_work (kind, subject) {
        kind -> Text,
        subject -> Uid,
        due_at -> Instant,
        leased_until -> Nullable<Instant>,
        fence -> BigInt,
        attempts -> Integer,
        last_error -> Nullable<Text>,
        parked_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant};
    /// See `migrations/`.
    job_runs (job) {
        job -> Text,
        node -> Text,
        started_at -> Instant,
        succeeded_at -> Nullable<Instant>,
        failed_at -> Nullable<Instant>,
        last_error -> Nullable<Text>,
        runs -> BigInt,
        failures -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    scheduler_pauses (id) {
        id -> Uid,
        paused_at -> Instant,
        node -> Text,
        clock_before -> Instant,
        clock_after -> Instant,
        resumed_at -> Nullable<Instant>,
        resumed_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    notification_settings (authority_code) {
        authority_code -> Text,
        version -> BigInt,
        pointer_only -> Bool,
        copy_to_citizens -> Bool,
        mail_on_close -> Bool,
        quiet_from -> Nullable<Text>,
        quiet_to -> Nullable<Text>,
        updated_at -> Instant,
        updated_by -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    notification_preferences (account_id, topic) {
        account_id -> Uid,
        topic -> Text,
        mode -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    digest_items (account_id, ticket_id, topic) {
        account_id -> Uid,
        ticket_id -> Uid,
        topic -> Text,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    email_proofs (id) {
        id -> Uid,
        email -> Text,
        source -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        tries -> Integer,
        verified_at -> Nullable<Instant>,
        used_at -> Nullable<Instant>,
        email_print -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    delegations (id) {
        id -> Uid,
        delegate_tax_code -> Text,
        delegator_tax_code -> Text,
        valid_from -> Instant,
        valid_to -> Nullable<Instant>,
        revoked_at -> Nullable<Instant>,
        created_at -> Instant,
        delegate_print -> Nullable<Text>,
        delegator_print -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Text};
    use crate::sql_types::{Instant};
    /// See `migrations/`.
    idempotency_keys (principal, route, key) {
        principal -> Text,
        route -> Text,
        key -> Text,
        fingerprint -> Text,
        answer -> Binary,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    /// See `migrations/`.
    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    account_lives (account_id) {
        account_id -> Uid,
        version -> BigInt,
        state -> Text,
        home -> Nullable<Text>,
        email -> Nullable<Text>,
        person_print -> Nullable<Text>,
        password_set_at -> Nullable<Instant>,
        must_change_by -> Nullable<Instant>,
        password_changes -> Integer,
        second_factor -> Nullable<Binary>,
        second_factor_at -> Nullable<Instant>,
        second_factor_step -> BigInt,
        confirmed_at -> Nullable<Instant>,
        email_print -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, JsonDoc, Uid};
    /// See `migrations/`.
    account_events (account_id, seq) {
        account_id -> Uid,
        seq -> BigInt,
        at -> Instant,
        kind -> Text,
        actor_account -> Nullable<Uid>,
        detail -> JsonDoc,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    credential_issues (id) {
        id -> Uid,
        account_id -> Uid,
        identification_print -> Text,
        security_print -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        tries -> Integer,
        used_at -> Nullable<Instant>,
        voided_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    password_history (account_id, set_at) {
        account_id -> Uid,
        set_at -> Instant,
        password_hash -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    recovery_codes (account_id, code_print) {
        account_id -> Uid,
        code_print -> Text,
        used_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    security_answers (account_id, question) {
        account_id -> Uid,
        question -> Text,
        answer_hash -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    login_sources (account_id, source) {
        account_id -> Uid,
        source -> Text,
        failures -> Integer,
        blocked_until -> Nullable<Instant>,
        succeeded_at -> Nullable<Instant>,
        tried_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    federated_identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        account_id -> Uid,
        created_at -> Instant,
        subject_print -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Instant};
    /// See `migrations/`.
    used_tokens (print) {
        print -> Text,
        expires_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    recent_writes (reader, mark) {
        reader -> Text,
        mark -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    authority_setups (authority_code) {
        authority_code -> Text,
        confirmed_at -> Nullable<Instant>,
        confirmed_by -> Nullable<Uid>,
        terms_version -> Nullable<Text>,
        terms_at -> Nullable<Instant>,
        terms_by -> Nullable<Uid>,
        opened_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    clients (id) {
        id -> Uid,
        label -> Text,
        contact -> Text,
        scopes -> Text,
        voucher_issuer -> Nullable<Text>,
        voucher_client -> Nullable<Text>,
        purposes -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        revoked_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    client_credentials (id) {
        id -> Uid,
        client_id -> Uid,
        kind -> Text,
        value -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        revoked_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    sla_policies (id) {
        id -> Uid,
        desk_kind -> Text,
        authority_code -> Text,
        service_code -> Text,
        version -> Integer,
        label -> Text,
        owner_body -> Text,
        approved_on -> Nullable<Text>,
        valid_from -> Text,
        valid_to -> Nullable<Text>,
        in_force_from -> Instant,
        calendar -> Nullable<Text>,
        formula -> Text,
        take_charge -> Text,
        first_response -> Text,
        resolution -> Text,
        escalate_after -> Text,
        created_at -> Instant,
        created_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::Text;
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    ticket_sla (ticket_id) {
        ticket_id -> Uid,
        status -> Text,
        warn_at -> Instant,
        due_at -> Instant,
        clocks -> Text,
        told -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};

    /// Versions of the routing rules.
    routing_versions (version) {
        version -> Integer,
        definition -> Text,
        comment -> Nullable<Text>,
        in_force_from -> Instant,
        created_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    message_wordings (authority_code, template, version) {
        authority_code -> Text,
        template -> Text,
        version -> BigInt,
        lang -> Text,
        subject -> Nullable<Text>,
        body -> Nullable<Text>,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    webhook_endpoints (id) {
        id -> Uid,
        version -> BigInt,
        desk -> Text,
        url -> Text,
        label -> Text,
        event_types -> Text,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<Instant>,
        failing_since -> Nullable<Instant>,
        created_at -> Instant,
        created_by -> Uid,
        deleted_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    webhook_secrets (id) {
        id -> Uid,
        endpoint_id -> Uid,
        sealed -> Binary,
        created_at -> Instant,
        expires_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    webhook_attempts (delivery_id, number) {
        delivery_id -> Uid,
        number -> Integer,
        at -> Instant,
        status -> Nullable<Integer>,
        fault -> Nullable<Text>,
        duration_ms -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    contacts (id) {
        id -> Uid,
        version -> BigInt,
        desk -> Text,
        channel -> Text,
        direction -> Text,
        at -> Instant,
        outcome -> Text,
        ticket_id -> Nullable<Uid>,
        note -> Nullable<Text>,
        account_id -> Uid,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    callbacks (id) {
        id -> Uid,
        version -> BigInt,
        desk -> Text,
        phone -> Text,
        reason -> Text,
        ticket_id -> Nullable<Uid>,
        wished_from -> Instant,
        wished_to -> Instant,
        sms_allowed -> Bool,
        lang -> Text,
        state -> Text,
        account_id -> Uid,
        created_at -> Instant,
        closed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    callback_attempts (callback_id, half_day) {
        callback_id -> Uid,
        half_day -> Text,
        at -> Instant,
        outcome -> Text,
        note -> Nullable<Text>,
        account_id -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    announcements (id) {
        id -> Uid,
        version -> BigInt,
        desk -> Text,
        kind -> Text,
        title_it -> Text,
        title_en -> Text,
        body_it -> Text,
        body_en -> Text,
        authorities -> Text,
        roles -> Text,
        citizens -> Bool,
        valid_from -> Instant,
        valid_to -> Instant,
        acknowledgement_required -> Bool,
        account_id -> Uid,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    announcement_acknowledgements (announcement_id, account_id) {
        announcement_id -> Uid,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    announcement_tickets (announcement_id, ticket_id) {
        announcement_id -> Uid,
        ticket_id -> Uid,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    announcement_answers (id) {
        id -> Uid,
        announcement_id -> Uid,
        desk -> Text,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    announcement_answered (answer_id, ticket_id) {
        answer_id -> Uid,
        ticket_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    assignment_settings (desk) {
        desk -> Text,
        version -> BigInt,
        mode -> Text,
        last_account -> Nullable<Uid>,
        updated_at -> Instant,
        updated_by -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    absences (id) {
        id -> Uid,
        account_id -> Uid,
        from_day -> Text,
        to_day -> Text,
        created_at -> Instant,
        created_by -> Uid,
        ended_at -> Nullable<Instant>,
        ended_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    removals (ticket_id) {
        ticket_id -> Uid,
        at -> Instant,
        reason -> Text,
        desk -> Text,
        service_code -> Text,
        account_id -> Uid,
        purged_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    purged_attachments (id) {
        id -> Uid,
        ticket_id -> Uid,
        seq -> BigInt,
        file_kind -> Text,
        size -> BigInt,
        purged_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    playbook_versions (code, version) {
        code -> Text,
        version -> Integer,
        state -> Text,
        definition -> Text,
        comment -> Text,
        created_at -> Instant,
        created_by -> Nullable<Uid>,
        approved_at -> Nullable<Instant>,
        approved_by -> Nullable<Uid>,
        activated_at -> Nullable<Instant>,
        activated_by -> Nullable<Uid>,
        retired_at -> Nullable<Instant>,
        retired_by -> Nullable<Uid>,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    playbook_simulations (id) {
        id -> Uid,
        code -> Text,
        version -> Integer,
        tried -> Integer,
        changed -> Integer,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    playbook_runs (id) {
        id -> Uid,
        ticket_id -> Uid,
        leg -> Integer,
        desk -> Text,
        begun_with -> Text,
        pins -> Text,
        path -> Text,
        playbook -> Text,
        version -> Integer,
        decision -> Text,
        addition -> Nullable<Text>,
        started_at -> Instant,
        started_by -> Uid,
        overridden_at -> Nullable<Instant>,
        handed_over_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    playbook_answers (run_id, seq) {
        run_id -> Uid,
        seq -> Integer,
        playbook -> Text,
        version -> Integer,
        check_code -> Text,
        answer -> Nullable<Text>,
        evidence -> Nullable<Text>,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    playbook_values (run_id, value_name) {
        run_id -> Uid,
        value_name -> Text,
        value -> Nullable<Text>,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    activities (id) {
        id -> Uid,
        version -> BigInt,
        ticket_id -> Uid,
        number -> Text,
        service_code -> Text,
        problem_type -> Text,
        desk -> Text,
        state -> Text,
        summary -> Text,
        detail -> Text,
        impact -> Text,
        urgency -> Text,
        kind -> Text,
        asset -> Text,
        item -> Nullable<Text>,
        sub_item -> Nullable<Text>,
        assignee -> Nullable<Uid>,
        client_id -> Nullable<Uid>,
        external_id -> Nullable<Text>,
        reported -> Nullable<BigInt>,
        cancel_requested_at -> Nullable<Instant>,
        opened_by -> Uid,
        opened_at -> Instant,
        updated_at -> Instant,
        due_at -> Instant,
        closed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    activity_comments (id) {
        id -> Uid,
        activity_id -> Uid,
        at -> Instant,
        account_id -> Nullable<Uid>,
        desk -> Nullable<Text>,
        client_id -> Nullable<Uid>,
        external_id -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    bulk_jobs (id) {
        id -> Uid,
        desk -> Text,
        account_id -> Uid,
        placement_id -> Uid,
        in_background -> Bool,
        state -> Text,
        action -> Nullable<Text>,
        total -> BigInt,
        done -> BigInt,
        failed -> BigInt,
        created_at -> Instant,
        ended_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_types::Uid;
    /// See `migrations/`.
    bulk_pages (job_id, page) {
        job_id -> Uid,
        page -> BigInt,
        items -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    bulk_results (job_id, position) {
        job_id -> Uid,
        position -> BigInt,
        named -> Text,
        number -> Nullable<Text>,
        reached_id -> Nullable<Uid>,
        version -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    reply_templates (id) {
        id -> Uid,
        version -> BigInt,
        desk -> Text,
        is_shared -> Bool,
        service_code -> Nullable<Text>,
        problem_type -> Nullable<Text>,
        states -> Text,
        actions -> Text,
        audience -> Text,
        label_it -> Text,
        label_en -> Text,
        body_it -> Text,
        body_en -> Text,
        used_count -> BigInt,
        last_used_at -> Nullable<Instant>,
        account_id -> Uid,
        created_at -> Instant,
        updated_at -> Instant,
        retired_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    ticket_links (low_id, high_id) {
        low_id -> Uid,
        high_id -> Uid,
        account_id -> Uid,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::Integer;
    use crate::sql_types::Uid;
    /// See `migrations/`.
    ticket_merges (ticket_id, into_id) {
        ticket_id -> Uid,
        into_id -> Uid,
        steps -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    reviews (id) {
        id -> Uid,
        version -> BigInt,
        ticket_id -> Uid,
        desk -> Text,
        state -> Text,
        requested_seq -> BigInt,
        requested_at -> Instant,
        due_at -> Instant,
        taken_by -> Nullable<Uid>,
        taken_at -> Nullable<Instant>,
        decided_seq -> Nullable<BigInt>,
        decided_by -> Nullable<Uid>,
        decided_at -> Nullable<Instant>,
        remedy -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    complaints (id) {
        id -> Uid,
        version -> BigInt,
        number -> Text,
        desk -> Text,
        state -> Text,
        channel -> Text,
        complainant_kind -> Text,
        complainant -> Text,
        email -> Nullable<Text>,
        postal_address -> Nullable<Text>,
        filed_by_identity -> Nullable<Text>,
        filed_by_ticket -> Nullable<Uid>,
        lang -> Text,
        service_code -> Nullable<Text>,
        subject -> Text,
        body -> Text,
        classification -> Nullable<Text>,
        received_at -> Instant,
        happened_at -> Nullable<Instant>,
        late_filed -> Bool,
        due_at -> Instant,
        was_extended -> Bool,
        scheme_id -> Nullable<Uid>,
        scheme_values -> Nullable<Text>,
        reply -> Nullable<Text>,
        answered_at -> Nullable<Instant>,
        overdue_told -> Bool,
        account_id -> Nullable<Uid>,
        created_at -> Instant,
        identity -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    complaint_entries (complaint_id, seq) {
        complaint_id -> Uid,
        seq -> BigInt,
        at -> Instant,
        account_id -> Nullable<Uid>,
        step -> Text,
        state -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{};
    use crate::sql_types::{Uid};
    /// See `migrations/`.
    complaint_tickets (complaint_id, ticket_id) {
        complaint_id -> Uid,
        ticket_id -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    complaint_dispatches (id) {
        id -> Uid,
        complaint_id -> Uid,
        kind -> Text,
        scheme_id -> Nullable<Uid>,
        body -> Text,
        way -> Text,
        recipient -> Text,
        message_id -> Nullable<Uid>,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    complaint_protocols (complaint_id, direction, number) {
        complaint_id -> Uid,
        direction -> Text,
        number -> Text,
        registered_on -> Text,
        office -> Text,
        account_id -> Uid,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    complaint_reply_schemes (id) {
        id -> Uid,
        desk -> Text,
        code -> Text,
        version -> BigInt,
        label -> Text,
        body_it -> Text,
        body_en -> Text,
        gaps -> Text,
        drafted_by -> Uid,
        drafted_at -> Instant,
        approved_by -> Nullable<Uid>,
        approved_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    privacy_settings (authority_code) {
        authority_code -> Text,
        version -> BigInt,
        seal_texts -> Bool,
        updated_at -> Instant,
        updated_by -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
    use crate::sql_types::{Instant};
    /// See `migrations/`.
    data_keys (id) {
        id -> BigInt,
        desk -> Text,
        generation -> Integer,
        master -> Text,
        wrapped -> Nullable<Binary>,
        created_at -> Instant,
        retired_at -> Nullable<Instant>,
        destroyed_at -> Nullable<Instant>,
        vacated_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::Text;
    use crate::sql_types::{Instant};
    /// See `migrations/`.
    sealed_up (table_name, column_name) {
        table_name -> Text,
        column_name -> Text,
        sealed_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    audit_entries (id, nth) {
        id -> Uid,
        nth -> Integer,
        chain -> Text,
        at -> Instant,
        body -> Text,
        mac -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    audit_pending (arrival) {
        arrival -> BigInt,
        entry_id -> Uid,
        nth -> Integer,
        refused_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Text};
    use crate::sql_types::Uid;
    /// See `migrations/`.
    audit_links (chain, seq) {
        chain -> Text,
        seq -> BigInt,
        entry_id -> Uid,
        nth -> Integer,
        previous -> Binary,
        hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_types::Instant;
    /// See `migrations/`.
    audit_anchors (number) {
        number -> BigInt,
        at -> Instant,
        body -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Text};
    use crate::sql_types::Instant;
    /// See `migrations/`.
    audit_anchor_sends (anchor, place) {
        anchor -> BigInt,
        place -> Text,
        tries -> Integer,
        due_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::Integer;
    use crate::sql_types::Uid;
    /// See `migrations/`.
    audit_unindexed (entry_id, nth) {
        entry_id -> Uid,
        nth -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::Integer;
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    audit_tickets (ticket_id, at, entry_id, nth) {
        ticket_id -> Uid,
        at -> Instant,
        entry_id -> Uid,
        nth -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    audit_subjects (subject, at, entry_id, nth) {
        subject -> Text,
        at -> Instant,
        entry_id -> Uid,
        nth -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::Integer;
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    audit_accounts (account_id, at, entry_id, nth) {
        account_id -> Uid,
        at -> Instant,
        entry_id -> Uid,
        nth -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    disclosures (id) {
        id -> Uid,
        kind -> Text,
        ticket_id -> Uid,
        account_id -> Uid,
        role -> Text,
        desk -> Text,
        purpose -> Text,
        reason -> Text,
        at -> Instant,
        until_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    break_glass_grants (id) {
        id -> Uid,
        asked_by -> Uid,
        asked_at -> Instant,
        authority_code -> Nullable<Text>,
        ticket_id -> Nullable<Uid>,
        purpose -> Text,
        reason -> Text,
        hours -> Integer,
        approved_by -> Nullable<Uid>,
        approved_at -> Nullable<Instant>,
        first_used_at -> Nullable<Instant>,
        ended_by -> Nullable<Uid>,
        ended_at -> Nullable<Instant>,
        end_message -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    retention_schedules (authority_code, version) {
        authority_code -> Text,
        version -> BigInt,
        is_proposal -> Bool,
        identifier -> Text,
        contact -> Text,
        health_text -> Text,
        attachment -> Text,
        complaint -> Text,
        created_at -> Instant,
        created_by -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    legal_holds (id) {
        id -> Uid,
        kind -> Text,
        ticket_id -> Nullable<Uid>,
        authority_code -> Nullable<Text>,
        person -> Nullable<Text>,
        person_print -> Nullable<Text>,
        reason -> Text,
        until -> Nullable<Instant>,
        created_at -> Instant,
        created_by -> Uid,
        ended_at -> Nullable<Instant>,
        ended_by -> Nullable<Uid>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    retention_marks (subject, class) {
        subject -> Uid,
        class -> Text,
        kind -> Text,
        run_id -> Uid,
        named -> Text,
        authority_code -> Text,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    retention_blobs (blob_key) {
        blob_key -> Text,
        run_id -> Uid,
        deleted_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    retention_runs (id) {
        id -> Uid,
        state -> Text,
        due_by -> Instant,
        authority_code -> Nullable<Text>,
        node -> Text,
        started_at -> Instant,
        schedules -> Text,
        due -> BigInt,
        in_stock -> BigInt,
        confirmed_at -> Nullable<Instant>,
        ended_at -> Nullable<Instant>,
        counts -> Nullable<Text>,
        kept -> Nullable<Text>,
        digest -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    subject_requests (id) {
        id -> Uid,
        version -> BigInt,
        kind -> Text,
        state -> Text,
        channel -> Text,
        person -> Text,
        person_print -> Text,
        identity -> Nullable<Text>,
        identity_print -> Nullable<Text>,
        ticket_id -> Nullable<Uid>,
        email -> Nullable<Text>,
        lang -> Text,
        received_at -> Instant,
        due_at -> Instant,
        was_extended -> Bool,
        overdue_at -> Nullable<Instant>,
        closed_at -> Nullable<Instant>,
        account_id -> Nullable<Uid>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    subject_request_steps (request_id, seq) {
        request_id -> Uid,
        seq -> BigInt,
        at -> Instant,
        account_id -> Nullable<Uid>,
        step -> Text,
        state -> Text,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    subject_exports (id) {
        id -> Uid,
        request_id -> Uid,
        delivery -> Text,
        state -> Text,
        asked_by -> Uid,
        asked_at -> Instant,
        approved_by -> Nullable<Uid>,
        approved_at -> Nullable<Instant>,
        blob_key -> Nullable<Text>,
        blob_sha256 -> Nullable<Text>,
        blob_size -> Nullable<BigInt>,
        blob_secret -> Nullable<Text>,
        ready_at -> Nullable<Instant>,
        expires_at -> Nullable<Instant>,
        ended_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    erasures (id) {
        id -> Uid,
        request_id -> Uid,
        state -> Text,
        asked_by -> Uid,
        asked_at -> Instant,
        approved_by -> Nullable<Uid>,
        approved_at -> Nullable<Instant>,
        words -> Nullable<Text>,
        scanned -> Nullable<Text>,
        ended_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    erasure_items (erasure_id, ticket_id) {
        erasure_id -> Uid,
        ticket_id -> Uid,
        outcome -> Text,
        reason -> Nullable<Text>,
        at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    erasure_mentions (id) {
        id -> Uid,
        erasure_id -> Uid,
        place -> Text,
        subject -> Uid,
        seq -> BigInt,
        ticket_id -> Nullable<Uid>,
        found_at -> Instant,
        reviewed_by -> Nullable<Uid>,
        reviewed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    /// See `migrations/`.
    queue_totals (custodian, measure, code, hour) {
        custodian -> Text,
        measure -> Text,
        code -> Text,
        hour -> BigInt,
        total -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    /// See `migrations/`.
    queue_deltas (custodian, arrival) {
        custodian -> Text,
        arrival -> BigInt,
        state -> Text,
        needs_attention -> Bool,
        is_transferred -> Bool,
        assignee -> Nullable<Text>,
        late_hour -> Nullable<BigInt>,
        step -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_types::{Uid, WordList};
    /// See `migrations/`.
    ticket_texts (ticket_id, seq) {
        ticket_id -> Uid,
        seq -> BigInt,
        audience -> Text,
        team -> Nullable<Text>,
        party -> Nullable<Text>,
        words -> Nullable<WordList>,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable};
    use crate::sql_types::{Instant, Uid};
    /// See `migrations/`.
    text_builds (id) {
        id -> Integer,
        before_at -> Nullable<Instant>,
        before_id -> Nullable<Uid>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    authorities,
    services,
    problem_types,
    accounts,
    placements,
    sessions,
    tickets,
    ticket_events,
    notes,
    attachments,
    legs,
    outbox,
    email_proofs,
    idempotency_keys,
    account_lives,
    account_events,
    credential_issues,
    password_history,
    recovery_codes,
    security_answers,
    login_sources,
    federated_identities,
    used_tokens,
    recent_writes,
    authority_setups,
    clients,
    client_credentials,
    changes,
    due_work,
    job_runs,
    scheduler_pauses,
    notification_settings,
    notification_preferences,
    digest_items,
    webhook_endpoints,
    webhook_secrets,
    webhook_attempts,
    routing_versions,
    sla_policies,
    ticket_sla,
    contacts,
    callbacks,
    callback_attempts,
    announcements,
    announcement_acknowledgements,
    announcement_tickets,
    announcement_answers,
    announcement_answered,
    assignment_settings,
    absences,
    removals,
    purged_attachments,
    playbook_versions,
    playbook_simulations,
    playbook_runs,
    playbook_answers,
    playbook_values,
    activities,
    activity_comments,
    bulk_jobs,
    bulk_pages,
    bulk_results,
    reply_templates,
    ticket_links,
    ticket_merges,
    reviews,
    complaints,
    complaint_entries,
    complaint_tickets,
    complaint_dispatches,
    complaint_protocols,
    complaint_reply_schemes,
    data_keys,
    sealed_up,
    privacy_settings,
    audit_entries,
    audit_pending,
    audit_links,
    audit_anchors,
    audit_anchor_sends,
    audit_unindexed,
    audit_tickets,
    audit_subjects,
    audit_accounts,
    disclosures,
    break_glass_grants,
    retention_schedules,
    legal_holds,
    retention_marks,
    retention_blobs,
    retention_runs,
    subject_requests,
    subject_request_steps,
    subject_exports,
    erasures,
    erasure_items,
    erasure_mentions,
    queue_totals,
    queue_deltas,
    ticket_texts,
    text_builds,
);
