package Skep::Mix;

# A mixture of reads and writes for load, each of which can tell whether the
# answer is its own, and the comparison of what was acknowledged with what the
# database holds.

use v5.36;

use Test::More ();


# new($server, users => 4, tasks => 20 of each)

sub new ($class, $server, %o) {
    my $self = bless { server => $server, n => 0 }, $class;

    for my $user (map { $server->user } 1 .. $o{users} // 4) {
        push $self->{users}->@*, $user;
        push $self->{tasks}->@*,
             map { [$user, $user->task(title => "Task $_ of " . $user->id)] }
             1 .. $o{tasks} // 20;
    }

    return $self;
}


# Code that makes requests for Skep::Load.
#     weights  { get => 6, list => 1, post => 2, patch => 1 }
#     allow    statuses, beside the good one, that may be: [503], or by kind:
#              { get => [], post => [503] }
#     change   code that may change a request before it goes out

sub requests ($self, %o) {
    my %weights = ($o{weights} // { get => 6, list => 1, post => 2,
                                    patch => 1 })->%*;
    my @kinds = map { ($_) x $weights{$_} } sort keys %weights;
    my %allow;

    for my $kind (keys %weights) {
        my $list = ref $o{allow} eq 'HASH' ? $o{allow}{$kind} : $o{allow};
        $allow{$kind}{$_} = 1 for ($list // [])->@*;
    }

    return sub {
        my $kind = $kinds[rand @kinds];
        my ($user, $task) = $self->{tasks}[rand $self->{tasks}->@*]->@*;
        my $nonce = "$$-" . ++$self->{n};
        my $method = "_$kind";
        my ($request, $good, $check) = $self->$method($user, $task, $nonce);

        $request->{kind} = $kind;
        $request->{token} = $user->token;
        $request->{headers} = ['X-Request-ID', $nonce];
        $request->{check} = sub ($res, $journal) {
            return "X-Request-ID is not $nonce"
                if ($res->header('X-Request-ID') // '') ne $nonce;
            return $check->($res->json, $journal) if $res->status == $good;
            return _problem($res, $nonce) if $allow{$kind}{$res->status};
            return 'status ' . $res->status;
        };

        $o{change}->($request) if $o{change};
        return $request;
    };
}


sub _problem ($res, $nonce) {
    my $json = $res->json;

    return 'a problem of another request' if $json->{request_id} ne $nonce;
    return 'a problem of another status' if $json->{status} != $res->status;
    return 'no Retry-After' if $res->status == 503
                               && !$res->header('Retry-After');
    return undef;
}


sub _get ($self, $user, $task, $nonce) {
    return (
        { method => 'GET', target => "/v1/tasks/$task->{id}" }, 200,
        sub ($json, $journal) {
            return 'another task' if $json->{id} ne $task->{id};
            return 'another title' if $json->{title} ne $task->{title};
            return undef;
        },
    );
}


sub _list ($self, $user, $task, $nonce) {
    my $limit = 1 + int rand 10;

    return (
        { method => 'GET', target => "/v1/tasks?limit=$limit" }, 200,
        sub ($json, $journal) {
            my @data = $json->{data}->@*;

            return scalar(@data) . " tasks, not $limit" if @data != $limit;
            return 'tasks of another'
                if grep { $_->{created_by} ne $user->id } @data;
            return undef;
        },
    );
}


sub _post ($self, $user, $task, $nonce) {
    return (
        { method => 'POST', target => '/v1/tasks',
          json => { title => $nonce } }, 201,
        sub ($json, $journal) {
            return 'another title' if $json->{title} ne $nonce;
            return 'of another' if $json->{created_by} ne $user->id;
            push @$journal, ['post', $json->{id}, $nonce];
            return undef;
        },
    );
}


sub _patch ($self, $user, $task, $nonce) {
    return (
        { method => 'PATCH', target => "/v1/tasks/$task->{id}",
          json => { description => $nonce } }, 200,
        sub ($json, $journal) {
            return 'another task' if $json->{id} ne $task->{id};
            return 'another description' if $json->{description} ne $nonce;
            push @$journal, ['patch', $json->{id}, $json->{version}];
            return undef;
        },
    );
}


# Code that makes logins for Skep::Load.

sub logins ($self) {
    my $user = $self->{users}[0];

    return sub {
        return {
            method => 'POST', target => '/v1/auth/login', kind => 'login',
            json   => { email => $user->email, password => $user->password },
            check  => sub ($res, $journal) {
                return 'status ' . $res->status if $res->status != 200;
                return 'another user' if $res->json->{user}{id} ne $user->id;
                return undef;
            },
        };
    };
}


# Every write that was acknowledged is there, and nothing is there twice.
#     pg      another PostgreSQL to look into
#     silent  SQL on a task t: versions of it that have no event

sub verify ($self, $report, %o) {
    my $pg = $o{pg} // $self->{server}->pg;
    my $silent = $o{silent} // 0;
    my (%task, %title, %version);

    for ($pg->query('SELECT id, title, version FROM task.tasks')->@*) {
        my ($id, $title, $version) = @$_;

        $task{$id} = [$title, $version];
        $title{$title}++;
    }

    my ($acknowledged, $missing, $early, $twice) = (0, 0, 0, 0);

    for ($report->journal) {
        my ($what, $id, $value) = @$_;

        $acknowledged++;

        if (!$task{$id}) {
            $missing++;

        } elsif ($what eq 'post') {
            $missing++ if $task{$id}[0] ne $value;

        } else {
            $early++ if $task{$id}[1] < $value;
            $twice++ if $version{$id}{$value}++;
        }
    }

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::More::cmp_ok($acknowledged, '>', 0,
                       "$acknowledged writes were acknowledged");
    Test::More::is($missing, 0, 'no acknowledged POST is missing');
    Test::More::is($early, 0, 'no acknowledged PATCH is missing');
    Test::More::is($twice, 0, 'no version was given twice');
    Test::More::is(scalar(grep { $_ > 1 } values %title), 0,
                   'no write happened twice');
    Test::More::is($pg->value(<<~"SQL"), 0, 'every change has its event');
        SELECT count(*) FROM task.tasks t
        WHERE version - ($silent)
              <> (SELECT count(*) FROM notify.outbox o
                  WHERE o.task_id = t.id)
                 + (SELECT count(*) FROM notify.events e
                    WHERE e.task_id = t.id)
        SQL
}


1;
