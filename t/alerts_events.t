#!/usr/bin/env perl

# Faults of events, webhooks and mails are made, Prometheus sees them,
# Alertmanager tells of them; and of their end.

use v5.36;

use Skep::Outbox;
use Skep::Process qw(source_dir wait_until);
use Skep::Nginx;
use Skep::Prometheus;
use Skep::Receiver;
use Skep::Sink;
use Skep::Test;

my $mail = Skep::Nginx::free_port();
my %conf = (
    sweep_after => '200ms', sweep_interval => '100ms', event_tries => 3,
    webhook_allow_http => 'on', webhook_allow_address => '127.0.0.0/8',
    webhook_schedule => join(' ', ('2s') x 20),
    smtp_url => "smtp://127.0.0.1:$mail", smtp_tls => 'off',
    smtp_schedule => join(' ', ('1s') x 30),
    mail_from => 'skep@example.org', mail_base_url => 'https://app.example',
    mail_templates => source_dir() . '/conf/mail',
);
my $skep = skep(
    worker      => 1,
    metrics     => 1,
    worker_conf => \%conf,
    http => 'notify_webhook_http on;
             notify_webhook_allow_address 127.0.0.0/8;',
);
my $worker = $skep->worker;
my $user = $skep->user;
my $outbox = Skep::Outbox->new($skep, $user);
my $receiver = Skep::Receiver->new(dir => $skep->dir);
my $prometheus = Skep::Prometheus->new(
    dir => $skep->dir, nginx => $skep->port('metrics'),
    worker => $worker->port, receiver => $receiver,
)->start;
my $alertmanager = $prometheus->alertmanager;


sub fires ($name, $to, $summary) {
    my $told = $alertmanager->wait_told($name, 'firing');

    ok($told, "$name fires") or diag('firing: ', join ' ', $prometheus->firing);
    is($told->{receiver}, $to, 'it is told to whom it should');
    like($told->{annotations}{summary}, $summary, 'what it says');
}

sub resolves ($name, $timeout = 30) {
    ok($alertmanager->wait_told($name, 'resolved', $timeout), "$name resolves")
        or diag('firing: ', join ' ', $prometheus->firing);
}


ok($prometheus->wait_for('sum(up{job=~"skep-.*"}) == 2', 10),
   'nginx and the worker are scraped');
ok($outbox->settled, 'the outbox is empty');


# an event that PostgreSQL refuses is put aside

$skep->pg->execute(<<~'SQL');
    ALTER TABLE notify.events ADD CONSTRAINT poison
        CHECK (data::text NOT LIKE '%poison%') NOT VALID
    SQL
$outbox->add(1, data => '{"task":{"title":"poison"}}');
fires('SkepDeadLetters', 'team', qr/put something aside \(event\)\z/);


# a configuration with a fault

$worker->write_file('conf', "what = this\n");
$worker->signal('HUP');
fires('SkepConfigurationRefused', 'team', qr/goes on with its old config/);
$worker->configure(%conf);


# the receiver of webhooks fails

$receiver->answer('/hook', { status => 500 });
status_is($user->post('/v1/webhooks', { url => $receiver->url('/hook'),
                                        events => ['task.created'] }), 201);
$user->task(title => "Task $_", project_id => $outbox->project) for 1 .. 30;
fires('SkepWebhookFailures', 'team', qr/webhooks a second fail/);

$receiver->answer('/hook', { status => 204 });


# all the time nobody took the mail of the registration

fires('SkepMailStopped', 'pager', qr/^Mails are tried, and none is taken\z/);

my $sink = Skep::Sink->new(dir => $skep->dir . '/sink', port => $mail);

resolves('SkepMailStopped');


# a table is missing

$skep->pg->execute('ALTER TABLE notify.mails RENAME TO other');
fires('SkepWorkerUnusableDatabase', 'pager', qr/not what this worker expects/);
$skep->pg->execute('ALTER TABLE notify.other RENAME TO mails');
resolves('SkepWorkerUnusableDatabase');


# no worker runs: what follows from it is not told

$worker->quit;
fires('SkepWorkerDown', 'pager', qr/^No worker answers\z/);

$user->task(title => 'Late', project_id => $outbox->project);
$skep->pg->execute(<<~'SQL');
    UPDATE notify.outbox SET created_at = created_at - interval '1 hour'
    SQL
ok($prometheus->wait_for('ALERTS{alertname="SkepOutboxStuck",
                                 alertstate="firing"}'),
   'events are old');
ok(wait_until(10, sub {
       $alertmanager->state('SkepOutboxStuck') eq 'suppressed'
   }), 'which is known');
is(scalar $alertmanager->told('SkepOutboxStuck'), 0, 'nobody was told of it');

$worker->start;
resolves('SkepWorkerDown');
ok($outbox->settled, 'the worker does what was left');


# a worker runs and gets nowhere: the greater alert is told, not the lesser

my $session = $skep->pg->session;

$session->hold('SELECT n FROM notify.position FOR UPDATE');
$outbox->add(1);
$skep->pg->execute(<<~'SQL');
    UPDATE notify.outbox SET created_at = created_at - interval '1 hour'
    SQL
fires('SkepOutboxStuck', 'pager', qr/^Events wait for 1h 0m/);
ok(wait_until(10, sub {
       $alertmanager->state('SkepOutboxOld') eq 'suppressed'
   }), 'the lesser is not told');

$session->close;
resolves('SkepOutboxStuck');


resolves('SkepWebhookFailures');
resolves($_, 90) for qw(SkepDeadLetters SkepConfigurationRefused);

$prometheus->stop_server;
$receiver->stop_server;
$sink->stop_server;

finish();
