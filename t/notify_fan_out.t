#!/usr/bin/env perl

# notify.fan_out(): who is told of what, once, and in which order.

use v5.36;

use JSON::PP ();
use Skep::File qw(slurp spew);
use Skep::Postgres;
use Skep::Process qw(reap run spawn tempdir wait_until);
use Skep::Test;

use constant ALL => '9223372036854775807';

my $pg = Skep::Postgres->new(dir => tempdir())->start;
my ($ann, $bob, $cid, $dan) = map { user() } 1 .. 4;
my $project = project($ann, $bob, $cid);
my $other = project($ann, $dan);


sub new_id () {
    state $n = 0;

    return sprintf '01890000-0000-7000-8000-%012x', ++$n;
}

sub user () {
    my $id = new_id();

    $pg->execute(<<~"SQL");
        INSERT INTO auth.users (id, email, name, password_hash)
        VALUES ('$id', '$id\@example.org', 'A user', '\$x')
        SQL
    return $id;
}

sub project ($owner, @others) {
    my $id = new_id();
    my $members = join ', ', map { "('$id', '$_', 'editor')" } $owner, @others;

    $pg->execute(<<~"SQL");
        INSERT INTO task.projects (id, owner_id, name)
        VALUES ('$id', '$owner', 'A project');
        INSERT INTO task.members (project_id, user_id, role) VALUES $members
        SQL
    return $id;
}

sub webhook ($user, %o) {
    my $id = new_id();
    my $project = $o{project} ? "'$o{project}'" : 'NULL';
    my $enabled = $o{disabled} ? 'false' : 'true';

    $pg->execute(<<~"SQL");
        INSERT INTO notify.webhooks (id, user_id, project_id, url, events,
                                     enabled, secret)
        VALUES ('$id', '$user', $project, 'https://example.org',
                '$o{events}', $enabled, sha256('x'))
        SQL
    return $id;
}

sub settings ($user, %o) {
    my $own = $o{own_actions} // 'true';

    $pg->execute(<<~"SQL");
        DELETE FROM notify.settings WHERE user_id = '$user';
        INSERT INTO notify.settings (user_id, own_actions, in_app_off, email_on)
        VALUES ('$user', $own, '{@{[$o{in_app_off} // '']}}',
                '{@{[$o{email_on} // '']}}')
        SQL
}

# An event in the outbox; its id.

sub event ($type, $actor, $project, %o) {
    my $id = new_id();
    my ($where, $task) = map { defined ? "'$_'" : 'NULL' } $project, $o{task};
    my $data = $o{data} // '{}';

    $pg->execute(<<~"SQL");
        INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id,
                                   data)
        VALUES ('$id', '$type', '$actor', $where, $task, \$data\$$data\$data\$)
        SQL
    return $id;
}

# What a fan-out returns, as the worker calls it: rows as hashes.

sub fan_out ($upto = ALL, $most = 1000) {
    my $rows = $pg->value(<<~"SQL");
        SET ROLE skep_worker;
        SELECT coalesce(json_agg(f ORDER BY f.n, f.seq), '[]')
        FROM notify.fan_out($upto, $most) f
        SQL

    return JSON::PP::decode_json($rows)->@*;
}

# Who has an event in the inbox, which webhooks and whose mails it goes to.

sub reached ($event) {
    my $list = sub ($sql) { [map { $_->[0] } $pg->query("$sql ORDER BY 1")->@*] };

    return {
        inbox => $list->("SELECT i.user_id FROM notify.inbox i
                          JOIN notify.events e USING (n) WHERE e.id = '$event'"),
        hooks => $list->("SELECT webhook_id FROM notify.deliveries d
                          JOIN notify.events e USING (n)
                          WHERE e.id = '$event' AND d.event_id = e.id
                            AND d.type = e.type AND d.data IS NULL
                            AND d.status = 'pending'"),
        mails => $list->("SELECT m.user_id FROM notify.mails m
                          JOIN notify.events e USING (n)
                          WHERE e.id = '$event' AND m.type = e.type
                            AND m.data IS NULL AND m.status = 'pending'"),
    };
}

# An event is fanned out, and reaches these.

sub reaches ($name, $event, %want) {
    my ($row) = fan_out();
    my %all = (inbox => [], hooks => [], mails => [], %want);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $_ = [sort @$_] for values %all;
    is_deeply(reached($event), \%all, $name);
    is_deeply([$row->{id}, [sort $row->{recipients}->@*],
               $row->{deliveries}, $row->{mails}],
              [$event, $all{inbox}, scalar $all{hooks}->@*,
               scalar $all{mails}->@*], "$name: and so it is told");
}


# nothing

is_deeply([fan_out()], [], 'an empty outbox');
is($pg->value('SELECT n FROM notify.position'), 0, 'and no number is taken');


# what comes out

my $task = new_id();
my $big = JSON::PP::encode_json({ task => { id => $task, x => join '',
          map { sprintf '%08x', rand 2 ** 32 } 1 .. 5000 } });
my $id = event('task.created', $ann, $project, task => $task, data => $big);
my ($seq, $at) = $pg->query(<<~'SQL')->[0]->@*;
    SELECT seq, to_char(created_at AT TIME ZONE 'UTC',
                        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM notify.outbox
    SQL
my ($row) = fan_out();

is(sortable(delete $row->{created_at}), sortable($at), 'the time of the event');
$row->{recipients} = [sort $row->{recipients}->@*];
is_deeply($row, {
    seq => $seq, n => 1, id => $id, type => 'task.created', actor_id => $ann,
    project_id => $project, task_id => $task,
    data => JSON::PP::decode_json($big), recipients => [$ann, $bob, $cid],
    deliveries => 0, mails => 0,
}, 'a row for the event');
is_deeply($pg->query('SELECT n, id, type, actor_id, project_id, task_id, data
                      FROM notify.events'),
          [[1, $id, 'task.created', $ann, $project, $task, $big]],
          'the event, to the byte');
is($pg->value('SELECT count(*) FROM notify.outbox'), 0, 'the outbox is empty');
is_deeply([fan_out()], [], 'once only');
is($pg->value('SELECT count(*) FROM notify.inbox'), 3, 'one row for each');

is($pg->value("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';
               SELECT notify.time('$_->[0]')"), $_->[1], "a time: $_->[1]")
    for ['2026-01-02 03:04:05+02', '2026-01-02T01:04:05Z'],
        ['2026-01-02 03:04:05.120+00', '2026-01-02T03:04:05.12Z'],
        ['2026-01-02 03:04:05.000001+00', '2026-01-02T03:04:05.000001Z'];


# members and their settings

reaches('all members', event('task.updated', $bob, $project),
        inbox => [$ann, $bob, $cid]);
reaches('of that project alone', event('task.updated', $bob, $other),
        inbox => [$ann, $dan]);

settings($ann);
reaches('settings as they are without', event('task.updated', $ann, $project),
        inbox => [$ann, $bob, $cid]);

settings($ann, own_actions => 'false', email_on => 'task.updated');
reaches('own actions are not told', event('task.updated', $ann, $project),
        inbox => [$bob, $cid]);
reaches("others' are, by mail too", event('task.updated', $bob, $project),
        inbox => [$ann, $bob, $cid], mails => [$ann]);

settings($ann, in_app_off => 'task.updated,comment.created');
reaches('a type that is off', event('task.updated', $bob, $project),
        inbox => [$bob, $cid]);
reaches('another one', event('task.created', $bob, $project),
        inbox => [$ann, $bob, $cid]);

settings($ann, in_app_off => 'task.updated', email_on => 'task.updated');
settings($bob, email_on => 'task.updated,task.created');
reaches('by mail alone, and both', event('task.updated', $bob, $project),
        inbox => [$bob, $cid], mails => [$ann, $bob]);
reaches('mails of another type', event('task.created', $cid, $project),
        inbox => [$ann, $bob, $cid], mails => [$bob]);

$pg->execute("UPDATE auth.users SET disabled_at = now() WHERE id = '$bob'");
reaches('a disabled user', event('task.updated', $ann, $project),
        inbox => [$cid], mails => [$ann]);
$pg->execute("UPDATE auth.users SET disabled_at = NULL WHERE id = '$bob';
              DELETE FROM notify.settings");

$pg->execute("DELETE FROM task.members
              WHERE project_id = '$project' AND user_id = '$cid'");
reaches('who is no member any more', event('task.updated', $ann, $project),
        inbox => [$ann, $bob]);

my $gone = project($ann, $bob);
$pg->execute("DELETE FROM task.members WHERE project_id = '$gone'");
reaches('a deleted project', event('task.updated', $ann, $gone));


# webhooks

my %hook = (
    all => webhook($ann, events => '{*}'),
    some => webhook($bob, events => '{task.created,task.deleted}'),
    here => webhook($ann, events => '{*}', project => $project),
    other => webhook($ann, events => '{*}', project => $other),
    off => webhook($ann, events => '{*}', disabled => 1),
    stranger => webhook($cid, events => '{*}', project => $project),
);

reaches('webhooks by type and project',
        event('task.created', $ann, $project), inbox => [$ann, $bob],
        hooks => [@hook{qw(all some here)}]);
reaches('of another type', event('task.updated', $ann, $project),
        inbox => [$ann, $bob], hooks => [@hook{qw(all here)}]);
reaches('of another project', event('task.created', $dan, $other),
        inbox => [$ann, $dan], hooks => [@hook{qw(all other)}]);

settings($ann, own_actions => 'false', in_app_off => 'task.created');
reaches('what a user is told is not what a webhook is',
        event('task.created', $ann, $project), inbox => [$bob],
        hooks => [@hook{qw(all some here)}]);

$pg->execute("UPDATE auth.users SET disabled_at = now() WHERE id = '$ann'");
reaches('those of a disabled user', event('task.created', $bob, $project),
        inbox => [$bob], hooks => [$hook{some}]);
$pg->execute("UPDATE auth.users SET disabled_at = NULL WHERE id = '$ann';
              DELETE FROM notify.settings");

is($pg->value(<<~'SQL'), 0, 'the time in the id of a delivery is that of its event');
    SELECT count(*) FROM notify.deliveries
    WHERE substr(id::text, 1, 15) <> substr(event_id::text, 1, 15)
       OR substr(id::text, 15, 1) <> '7'
    SQL


# events without a project are their actor's

settings($ann, own_actions => 'false', email_on => 'webhook.disabled');
reaches('an event without a project', event('webhook.disabled', $ann, undef),
        inbox => [$ann], mails => [$ann]);
$pg->execute('DELETE FROM notify.settings');


# mails of accounts have no number, and their data are told nobody

my $n = $pg->value('SELECT n FROM notify.position');
my %mail = map { $_ => event("auth.$_", $ann, undef,
                             data => '{"token": "secret"}') } qw(one two);
my $between = event('task.created', $ann, $project);

my @rows = sort { $a->{seq} <=> $b->{seq} } fan_out();

is_deeply([map { [$_->@{qw(id type n data mails deliveries recipients)}] }
           grep { $_->{type} =~ /^auth/ } @rows],
          [map { [$mail{$_}, "auth.$_", undef, undef, 1, 0, []] } qw(one two)],
          'mails of accounts');
is($rows[2]{n}, $n + 1, 'take no number');
is_deeply($pg->query(<<~'SQL'),
    SELECT id, user_id, type, n, data FROM notify.mails
    WHERE type LIKE 'auth.%' ORDER BY type
    SQL
    [map { [$mail{$_}, $ann, "auth.$_", '', '{"token": "secret"}'] } qw(one two)],
    'and hold their data');
is($pg->value("SELECT count(*) FROM notify.events WHERE type LIKE 'auth.%'"), 0,
   'which nothing else does');
unlike(join(' ', map { $_ // '' } map { values %$_ } @rows), qr/secret/,
       'nor is it told');

event('auth.one', $ann, undef);
is(scalar(fan_out()), 1, 'a mail alone');
is($pg->value('SELECT n FROM notify.position'), $n + 1, 'leaves the number');


# how much, and how far

my @ids = map { event('task.updated', $ann, $project) } 1 .. 7;
my @seq = map { $_->[0] } $pg->query('SELECT seq FROM notify.outbox
                                      ORDER BY seq')->@*;

is_deeply([map { $_->{id} } fan_out($seq[4], 3)], [@ids[0 .. 2]],
          'the oldest, as many as that');
is_deeply([map { $_->{id} } fan_out($seq[4], 3)], [@ids[3 .. 4]],
          'up to that');
is_deeply([fan_out($seq[4], 3)], [], 'and no further');
is_deeply([fan_out('NULL')], [], 'NULL is nothing');
is_deeply([fan_out(ALL, 0)], [], '0 is none');
is_deeply([map { $_->{id} } fan_out()], [@ids[5 .. 6]], 'all the rest');


# what is committed late is taken late; n is in the order of the fan-outs

my $session = $pg->session;
my $late = new_id();

$session->hold(<<~"SQL");
    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    VALUES ('$late', 'task.created', '$ann', '$project', '{}')
    SQL

my $early = event('task.created', $ann, $project);

is_deeply([map { $_->{id} } fan_out()], [$early], 'what is committed');
$session->send('COMMIT;');
wait_until(10, sub { $pg->value('SELECT count(*) FROM notify.outbox') });
is_deeply([map { $_->{id} } fan_out()], [$late], 'then what is committed late');
ok($pg->value("SELECT l.n > e.n FROM notify.events l, notify.events e
               WHERE l.id = '$late' AND e.id = '$early'") eq 't',
   'their numbers are in that order');


# a webhook that is being deleted is waited for

$session->hold("DELETE FROM notify.webhooks WHERE id = '$hook{all}'");

$id = event('task.updated', $ann, $project);
my $waits = spawn(cmd => [$pg->psql, '-c',
                          "SELECT notify.fan_out(@{[ALL]}, 10)"],
                  out => "$pg->{dir}/waits", name => 'psql');

ok(wait_until(10, sub {
    $pg->value("SELECT count(*) FROM pg_stat_activity
                WHERE wait_event_type = 'Lock' AND query LIKE '%fan_out%'");
}), 'it waits');
$session->send('COMMIT;');
is(reap($waits, 10), 0, 'and goes on');
is_deeply(reached($id), { inbox => [sort $ann, $bob], hooks => [$hook{here}],
                          mails => [] }, 'without the webhook');


# many who write and many who fan out at once: no number is lost or given
# twice, each event reaches each user once, and a task's are in their order

$pg->execute('DELETE FROM notify.inbox; DELETE FROM notify.deliveries');
$n = $pg->value('SELECT n FROM notify.position');

my @tasks = map { new_id() } 1 .. 4;
my $values = join ', ', map { "('$_'::uuid)" } @tasks;

$pg->execute(<<~"SQL");
    INSERT INTO task.tasks (id, project_id, title, created_by, created_at,
                            updated_at)
    SELECT id, '$project', 'x', '$ann', now(), now()
    FROM (VALUES $values) v (id);
    SQL

# as a write does: the row is locked, then the event gets its number

sub writes () {
    return join '', map { <<~"SQL" } map { $tasks[rand @tasks] } 1 .. 300;
        WITH t AS (
            UPDATE task.tasks SET version = version + 1 WHERE id = '$_'
            RETURNING id, version
        )
        INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id,
                                   data)
        SELECT gen_random_uuid(), 'task.updated', '$ann', '$project', id,
               json_build_object('version', version)
        FROM t;
        SQL
}

my @writers = map { psql("w$_", writes()) } 1 .. 3;
my @readers = map { psql("r$_", <<~"SQL" x 400) } 1 .. 3;
    SELECT n FROM notify.fan_out(@{[ALL]}, 1 + (random() * 20)::int);
    SQL

sub psql ($name, $sql) {
    my $file = tempdir() . "/$name.sql";

    spew($file, $sql);

    return spawn(cmd => [$pg->psql, '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
                         '-f', $file],
                 out => "$pg->{dir}/$name", name => $name);
}

is(reap($_, 60), 0, 'a process ends well') for @writers, @readers;
fan_out();

is_deeply($pg->query(<<~"SQL")->[0], [900, 900, 1, 900, 900],
    SELECT count(*), count(DISTINCT id), min(n) - $n, max(n) - $n,
           (SELECT n FROM notify.position) - $n
    FROM notify.events WHERE n > $n
    SQL
    'the numbers have no gap');
is($pg->value('SELECT count(*) FROM notify.outbox'), 0, 'the outbox is empty');
is_deeply($pg->query('SELECT user_id, count(*), count(DISTINCT n)
                      FROM notify.inbox GROUP BY 1 ORDER BY 1'),
          [map { [$_, 900, 900] } sort $ann, $bob], 'each has each once');
is($pg->value(<<~"SQL"), 0, 'of each task in the order of its versions');
    SELECT count(*) FROM (
        SELECT (data->>'version')::int
               - lag((data->>'version')::int, 1, 1)
                 OVER (PARTITION BY task_id ORDER BY n) AS step
        FROM notify.events WHERE n > $n
    ) v WHERE step <> 1
    SQL

# each was returned to exactly one of them
my @told = map { grep { /\d/ } split /\n/, slurp("$pg->{dir}/r$_") } 1 .. 3;
my %times;
$times{$_}++ for @told;
is(scalar(grep { $_ > 1 } values %times), 0, 'no event is returned twice');


# 500 at once

$pg->execute(<<~"SQL");
    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    SELECT gen_random_uuid(), 'task.updated', '$ann', '$project', '{}'
    FROM generate_series(1, 600)
    SQL
is(scalar(fan_out(ALL, 500)), 500, '500 in one call');
is(scalar(fan_out(ALL, 500)), 100, 'the rest in the next');


# what can't be fanned out is buried

$pg->execute('ALTER TABLE notify.events ADD CONSTRAINT none
              CHECK (type <> \'task.deleted\') NOT VALID');

my $bad = event('task.deleted', $ann, $project, task => $task);
my $good = event('task.created', $ann, $project);

($seq) = $pg->query('SELECT min(seq) FROM notify.outbox')->[0]->@*;

my ($rc, $out) = $pg->_psql([], "SELECT notify.fan_out(@{[ALL]}, 10)");

isnt($rc, 0, 'a fan-out that fails');
is($pg->value('SELECT count(*) FROM notify.outbox'), 2, 'takes nothing');

sub bury ($which) {
    return $pg->query("SET ROLE skep_worker;
                       SELECT seq, id, type, actor_id, project_id, task_id
                       FROM notify.bury($which, 'a reason')");
}

is_deeply(bury($seq), [[$seq, $bad, 'task.deleted', $ann, $project, $task]],
          'the row is buried');
is_deeply(bury($seq), [], 'once');
is_deeply($pg->query('SELECT seq, id, type, actor_id, project_id, task_id, data,
                             reason FROM notify.dead_events'),
          [[$seq, $bad, 'task.deleted', $ann, $project, $task, '{}',
            'a reason']], 'with its reason');
is_deeply([map { $_->{id} } fan_out()], [$good], 'and the others go on');


# who deletes their account: nothing of theirs is left, of others all

settings($_) for $ann, $bob;
webhook($ann, events => '{*}');
webhook($bob, events => '{*}');
settings($_, email_on => 'task.created') for $ann, $bob;
event('task.created', $ann, $project);
fan_out();

sub left ($user) {
    return $pg->query(<<~"SQL")->[0]->@*;
        SELECT (SELECT count(*) FROM notify.settings WHERE user_id = '$user'),
               (SELECT count(*) > 0 FROM notify.inbox WHERE user_id = '$user'),
               (SELECT count(*) > 0 FROM notify.webhooks
                WHERE user_id = '$user'),
               (SELECT count(*) > 0 FROM notify.mails WHERE user_id = '$user'),
               (SELECT count(*) > 0 FROM notify.deliveries d
                JOIN notify.webhooks w ON w.id = d.webhook_id
                WHERE w.user_id = '$user')
        SQL
}

is_deeply([left($ann)], [1, ('t') x 4], 'there is something');
$pg->execute(<<~"SQL");
    UPDATE auth.users SET email = NULL, password_hash = NULL,
           disabled_at = now(), deleted_at = now()
    WHERE id = '$ann'
    SQL
is_deeply([left($ann)], [0, ('f') x 4], 'nothing is left');
is_deeply([left($bob)], [1, ('t') x 4], "others' is");
reaches('a deleted user is told nothing', event('task.created', $bob, $project),
        inbox => [$bob], mails => [$bob],
        hooks => [map { $_->[0] } $pg->query("SELECT id FROM notify.webhooks
                  WHERE user_id = '$bob' AND events && '{*,task.created}'")->@*]);
event('auth.one', $ann, undef);
is_deeply([map { $_->{mails} } fan_out()], [0], 'nor by a mail of the account');

$session->close;
done_testing();
