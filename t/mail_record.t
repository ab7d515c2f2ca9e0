#!/usr/bin/env perl

# What became of several mails is recorded at once.  One that PostgreSQL does
# not take must not take the others with it: they would be sent again.

use v5.36;

use Skep::Mailing;
use Skep::Process qw(wait_until);
use Skep::Test;

use constant MAILS => 12;

my $skep = skep();
my $pg = $skep->pg;
my $m = Skep::Mailing->new(skep => $skep, conf => {
    smtp_connections => MAILS,
});

$m->stop_worker;

my @users = map { $skep->user } 1 .. MAILS;
my $bad = $users[MAILS / 2]->id;

$m->fan_out;
$pg->execute(<<~"SQL");
    ALTER TABLE notify.mails ADD CONSTRAINT no_x
    CHECK (user_id <> '$bad' OR status = 'pending') NOT VALID
    SQL
$m->start;

sub recorded () {
    return $pg->value(q{SELECT count(*) FROM notify.mails
                        WHERE status = 'sent'});
}

ok(wait_until(15, sub { recorded() == MAILS - 1 }), 'the others are recorded')
    or diag(recorded());
is($m->sink->count, MAILS, 'and each was sent once');
ok($m->says(qr/\[alert\] .*what became of mail \S+ can't be recorded: /),
   'of the one a line tells');
is(scalar(() = $m->log =~ /can't be recorded/g), 1, 'a line');
is($pg->value("SELECT status FROM notify.mails WHERE user_id = '$bad'"),
   'pending', 'it is as it was');

# and it is recorded once it can be: when its lease has ended it is sent again

$pg->execute('ALTER TABLE notify.mails DROP CONSTRAINT no_x');
$m->hurry;
ok(wait_until(15, sub { recorded() == MAILS }), 'in the end it is, too');

is($m->stop_worker, 0, 'the worker ends');
finish();
