#!/usr/bin/env perl

# The rules of conf/prometheus/: Prometheus takes them, and each alert fires and
# resolves in t/prometheus/, has its severity and texts, and stands in
# docs/alerts.md.  Alertmanager's configuration knows where it goes.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Process qw(run source_dir tempdir);
use Test::More;
use YAML::PP;

my $root = source_dir();
my $alertmanager = "$root/conf/alertmanager/alertmanager.yml";
my $yaml = YAML::PP->new;
my (%alert, %case);


# a program that has no complaint
sub passes ($name, @cmd) {
    my ($rc, $out) = run(\@cmd);

    is($rc, 0, $name) or diag($out);
    return $out;
}


passes('Prometheus takes the configuration', qw(promtool check config),
       "$root/conf/prometheus/prometheus.yml");
passes('Alertmanager takes its own', qw(amtool check-config), $alertmanager);

for my $file (glob "$root/conf/prometheus/rules/*.yml") {
    for my $group ($yaml->load_file($file)->{groups}->@*) {
        for my $rule (grep { $_->{alert} } $group->{rules}->@*) {
            ok(!$alert{$rule->{alert}}, "$rule->{alert}: one of that name");
            $alert{$rule->{alert}} = $rule;
        }
    }
}

for my $file (glob "$root/t/prometheus/*.yml") {
    passes($file =~ s{.*/}{}r . ': as expected', qw(promtool test rules),
           $file);
    $case{$_->{name}} = $_ for $yaml->load_file($file)->{tests}->@*;
}


# each alert

my @sections = slurp("$root/docs/alerts.md") =~ /^### (\w+)$/mg;

is(join(' ', sort @sections), join(' ', sort keys %alert),
   'docs/alerts.md has each alert, and no other');
is(join(' ', sort keys %case), join(' ', sort keys %alert),
   't/prometheus/ has each alert, and no other');

for my $name (sort keys %alert) {
    my ($labels, $texts) = $alert{$name}->@{qw(labels annotations)};

    like($labels->{severity}, qr/^(?:critical|warning|info)$/,
         "$name: its severity");
    is(join(' ', sort keys %$texts), 'description runbook_url summary',
       "$name: its texts");
    is($texts->{runbook_url}, 'docs/alerts.md#' . lc $name,
       "$name: where to read on");

    # silent, firing, silent: and what is asked for is this alert
    my @steps = ($case{$name} // {})->{promql_expr_test}->@*;
    my $steps = join ' ', map { $_->{exp_samples}->@* ? 'fires' : 'silent' }
                          @steps;

    like($steps, qr/^silent(?: fires silent)+$/, "$name: fires and resolves");
    is((grep { $_->{expr} ne qq(ALERTS{alertname="$name", )
                             . 'alertstate="firing"}' } @steps), 0,
       "$name: nothing else is asked for");

    # a text names no label that the alert does not have
    my ($sample) = map { $_->{exp_samples}->@* } @steps;

    like($sample->{labels} // '', qr/\b$_="/, "$name: it has the label $_")
        for join(' ', values %$texts) =~ /\$labels\.(\w+)/g;
}


# where alerts go

my %route = (critical => 'pager', warning => 'team', info => 'nobody');

for my $severity (sort keys %route) {
    my $out = passes("$severity has a receiver",
                     qw(amtool config routes test --config.file), $alertmanager,
                     "severity=$severity", 'alertname=SkepNginxDown');

    is((split /\n/, $out)[-1], $route{$severity}, 'the right one');
}

my $text = slurp($alertmanager);

for my $matcher ($text =~ /alertname=~?"([^"]+)"/g) {
    for my $pattern (split /\|/, $matcher) {
        ok((grep { /\A$pattern\z/ } keys %alert), "$pattern: there is one");
    }
}


# and the tests of rules can fail: no alert ever fires

my $dir = tempdir();

mkdir "$dir/$_" or die "$_: $!" for qw(t t/prometheus conf conf/prometheus
                                       conf/prometheus/rules);

for my $file (qw(conf/prometheus/rules/worker.yml t/prometheus/worker.yml)) {
    my $copy = slurp("$root/$file");

    $copy =~ s/^( +)expr: \|\n(?:\1  .*\n)+/$1expr: vector(0) > 1\n/mg;
    $copy =~ s/^( +expr): [^'\n].*$/$1: vector(0) > 1/mg;

    spew("$dir/$file", $copy);
}

my ($rc, $out) = run(['promtool', 'test', 'rules',
                      "$dir/t/prometheus/worker.yml"]);
my %failed = map { $_ => 1 } $out =~ /alertname=\\"(\w+)\\"/g;
my %worker = map { $_->{name} => 1 }
             $yaml->load_file("$root/t/prometheus/worker.yml")->{tests}->@*;

isnt($rc, 0, 'rules that never fire do not pass');
is_deeply(\%failed, \%worker, 'each of them is told');

done_testing();
