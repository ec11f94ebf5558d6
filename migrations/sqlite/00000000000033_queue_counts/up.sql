-- The counters of queues, kept (docs/adr/0040). A change of a ticket adds rows to queue_deltas; a job folds
-- them into queue_totals. What a counter says is both together.
-- This index was there for counting alone.
DROP INDEX tickets_by_state;

-- `measure` says what is counted, `code` the state or the assignee, and `hour`, in hours since 1970, since
-- when tickets are overdue: each in its hour, in its day and in its 30 days, so that few rows add up to any time.
CREATE TABLE queue_totals (
    custodian TEXT NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('state', 'attention', 'transferred', 'assignee', 'late-hour',
        'late-day', 'late-month')),
    code TEXT NOT NULL,
    hour BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (custodian, measure, code, hour)
) WITHOUT ROWID;

-- What counts of a ticket: once more with step 1, once less with step -1. Its assignee (the empty text is
-- nobody) and the hour since which it is overdue are there while they count.
CREATE TABLE queue_deltas (
    custodian TEXT NOT NULL,
    arrival BIGINT NOT NULL,
    state TEXT NOT NULL,
    needs_attention BOOLEAN NOT NULL,
    is_transferred BOOLEAN NOT NULL,
    assignee TEXT,
    late_hour BIGINT,
    step BIGINT NOT NULL,
    PRIMARY KEY (custodian, arrival)
) WITHOUT ROWID;

-- Legs come after their ticket and go before it. A question that was asked in time pauses the clock.
CREATE TRIGGER tickets_count_insert AFTER INSERT ON tickets BEGIN
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT NEW.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = NEW.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        NEW.state, NEW.needs_attention, false,
        CASE WHEN NEW.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(NEW.assignee, '') END,
        CASE WHEN NEW.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (NEW.state = 'awaiting-info' AND NEW.due_at > NEW.state_since) THEN NEW.due_at / 3600000000 END,
        1;
END;
CREATE TRIGGER tickets_count_delete AFTER DELETE ON tickets BEGIN
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT OLD.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = OLD.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        OLD.state, OLD.needs_attention, false,
        CASE WHEN OLD.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(OLD.assignee, '') END,
        CASE WHEN OLD.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (OLD.state = 'awaiting-info' AND OLD.due_at > OLD.state_since) THEN OLD.due_at / 3600000000 END,
        -1;
END;
CREATE TRIGGER tickets_count_update
AFTER UPDATE OF custodian, state, state_since, needs_attention, assignee, due_at ON tickets
WHEN (OLD.custodian, OLD.state, OLD.state_since, OLD.needs_attention, OLD.assignee, OLD.due_at)
    IS NOT (NEW.custodian, NEW.state, NEW.state_since, NEW.needs_attention, NEW.assignee, NEW.due_at) BEGIN
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT OLD.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = OLD.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        OLD.state, OLD.needs_attention, OLD.state IN ('new', 'not-competent')
            AND EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = NEW.id AND legs.no = 2),
        CASE WHEN OLD.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(OLD.assignee, '') END,
        CASE WHEN OLD.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (OLD.state = 'awaiting-info' AND OLD.due_at > OLD.state_since) THEN OLD.due_at / 3600000000 END,
        -1;
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT NEW.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = NEW.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        NEW.state, NEW.needs_attention, NEW.state IN ('new', 'not-competent')
            AND EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = NEW.id AND legs.no = 2),
        CASE WHEN NEW.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(NEW.assignee, '') END,
        CASE WHEN NEW.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (NEW.state = 'awaiting-info' AND NEW.due_at > NEW.state_since) THEN NEW.due_at / 3600000000 END,
        1;
END;

-- The second leg makes a ticket one that came from another desk.
CREATE TRIGGER legs_count_insert AFTER INSERT ON legs WHEN NEW.no = 2 BEGIN
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT ticket.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = ticket.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        ticket.state, ticket.needs_attention, false,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(ticket.assignee, '') END,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (ticket.state = 'awaiting-info' AND ticket.due_at > ticket.state_since) THEN ticket.due_at / 3600000000 END,
        -1
    FROM tickets AS ticket WHERE ticket.id = NEW.ticket_id AND ticket.state IN ('new', 'not-competent');
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT ticket.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = ticket.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        ticket.state, ticket.needs_attention, true,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(ticket.assignee, '') END,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (ticket.state = 'awaiting-info' AND ticket.due_at > ticket.state_since) THEN ticket.due_at / 3600000000 END,
        1
    FROM tickets AS ticket WHERE ticket.id = NEW.ticket_id AND ticket.state IN ('new', 'not-competent');
END;
CREATE TRIGGER legs_count_delete AFTER DELETE ON legs WHEN OLD.no = 2 BEGIN
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT ticket.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = ticket.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        ticket.state, ticket.needs_attention, false,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(ticket.assignee, '') END,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (ticket.state = 'awaiting-info' AND ticket.due_at > ticket.state_since) THEN ticket.due_at / 3600000000 END,
        1
    FROM tickets AS ticket WHERE ticket.id = OLD.ticket_id AND ticket.state IN ('new', 'not-competent');
    INSERT INTO queue_deltas (custodian, arrival, state, needs_attention, is_transferred, assignee, late_hour, step)
    SELECT ticket.custodian,
        coalesce((SELECT arrival FROM queue_deltas WHERE custodian = ticket.custodian ORDER BY arrival DESC LIMIT 1), 0) + 1,
        ticket.state, ticket.needs_attention, true,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(ticket.assignee, '') END,
        CASE WHEN ticket.state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (ticket.state = 'awaiting-info' AND ticket.due_at > ticket.state_since) THEN ticket.due_at / 3600000000 END,
        -1
    FROM tickets AS ticket WHERE ticket.id = OLD.ticket_id AND ticket.state IN ('new', 'not-competent');
END;

-- What is there already, counted once.
INSERT INTO queue_totals (custodian, measure, code, hour, total)
WITH counted AS (
    SELECT custodian, state, needs_attention,
        state IN ('new', 'not-competent') AND EXISTS (
            SELECT 1 FROM legs WHERE legs.ticket_id = tickets.id AND legs.no = 2) AS is_transferred,
        CASE WHEN state NOT IN ('resolved', 'auto-closed', 'removed') THEN coalesce(assignee, '') END AS assignee,
        CASE WHEN state NOT IN ('resolved', 'auto-closed', 'removed')
            AND NOT (state = 'awaiting-info' AND due_at > state_since) THEN due_at / 3600000000 END AS late_hour,
        count(*) AS step
    FROM tickets GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT custodian, measure, code, hour, sum(total) FROM (
    SELECT custodian, 'state' AS measure, state AS code, 0 AS hour, step AS total FROM counted
    UNION ALL SELECT custodian, 'attention', '', 0, step FROM counted WHERE needs_attention
    UNION ALL SELECT custodian, 'transferred', '', 0, step FROM counted WHERE is_transferred
    UNION ALL SELECT custodian, 'assignee', assignee, 0, step FROM counted WHERE assignee IS NOT NULL
    UNION ALL SELECT custodian, 'late-hour', '', late_hour, step FROM counted WHERE late_hour IS NOT NULL
    UNION ALL SELECT custodian, 'late-day', '', late_hour - late_hour % 24, step FROM counted WHERE late_hour IS NOT NULL
    UNION ALL SELECT custodian, 'late-month', '', late_hour - late_hour % 720, step FROM counted WHERE late_hour IS NOT NULL
) AS cells GROUP BY custodian, measure, code, hour;
