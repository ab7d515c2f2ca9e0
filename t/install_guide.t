#!/usr/bin/env perl

# docs/install.md, word for word: its blocks, one after another, in one shell
# of root.

use v5.36;

use Skep::File qw(slurp);
use Skep::Machine;
use Skep::Process qw(source_dir);
use Skep::Response;
use Test::More;

my $refused = Skep::Machine->refused;
plan skip_all => $refused if defined $refused;


my $text = slurp(source_dir() . '/docs/install.md');
my @blocks = $text =~ /^<!-- run -->\n```sh\n(.*?)^```\n<!-- end -->$/gms;

is(scalar @blocks, 14, 'all blocks');
is(scalar(() = $text =~ /^<!-- run -->$/mg), scalar @blocks,
   'each is one that is found');

my $n = 0;
my $script = join '', map { $n++; "echo '==> $n'\n$_" } @blocks;

# Debian's postgresql makes a cluster when it is installed; what of it is there
# for the tests did not
my ($rc, $out) = Skep::Machine->script($script, setup => <<~'EOT');
    version=$(ls /usr/lib/postgresql | sort -n | tail -n 1)
    pg_createcluster "$version" main
    ! getent passwd skep >/dev/null || userdel skep
    EOT

if (!is($rc, 0, 'nothing fails')) {
    diag($out);
    done_testing();
    exit;
}

my %said = map { /\A(\d+)\n(.*)\z/s ? ($1 => $2) : () }
           split /^==> /m, $out;


# a protected proxy_pass

like($said{6}, qr/^HTTP\/1\.1 401 .*^WWW-Authenticate: Bearer realm="skep"/ms,
     'who has no token is refused');
like($said{6}, qr/"code":"token_missing"/, 'is told why');
like($said{6}, qr/^this is for 01890000-0000-7000-8000-000000000001, who is user$/m,
     'who has one is let through');

# what the text shows of it is what it is
for my $line ($text =~ /^    (HTTP.*|WWW-.*|this is for .*|\{"type".*status":401,)/mg)
{
    like($said{6}, qr/^\Q$line\E/m, "shown: $line");
}


# the API

sub json ($block) {
    return map { Skep::Response::decode($_) }
           grep { /\A\{.*\}\z/ } split /\n/, $said{$block};
}

is((json(10))[0]{status}, 'ok', 'nginx is ready');
like($said{10}, qr/^skep_build_info\{.*\} 1$/m, 'it tells its numbers');
like($said{11}, qr/ is good$/m, 'the configuration of the worker');
is((json(12))[0]{status}, 'ok', 'the worker is ready');

my ($settings, $task, $list, $inbox) = json(13);

is($task->{title}, 'Feed the bees', 'a task');
is_deeply($list->{data}, [$task], 'it is in the list');
is($inbox->{data}[0]{type}, 'task.created', 'the worker told of it');
is($inbox->{data}[0]{task_id}, $task->{id}, 'of that one');
like($said{14}, qr/^this is for $task->{created_by}, who is user$/m,
     'the token is good for the other application');

done_testing();
