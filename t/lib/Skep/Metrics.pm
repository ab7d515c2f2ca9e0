package Skep::Metrics;

# A text of metrics as Prometheus reads it.

use v5.36;

use List::Util qw(sum0);


sub new ($class, $text) {
    my $self = bless { text => $text, order => [], sample => {} }, $class;

    for my $line (split /\n/, $text) {
        my ($name, $labels, $value) = $line =~ /^(\w+)(?:\{(.*)\})? (\S+)$/
            or next;

        my %labels = ($labels // '') =~ /(\w+)="((?:[^"\\]|\\.)*)"/g;

        push $self->{sample}{$name}->@*, [\%labels, $value];
    }

    return $self;
}


sub text ($self) { return $self->{text} }

sub names ($self) { return sort keys $self->{sample}->%* }


# The sum of a name's samples that have these labels; undef if there are none.

sub get ($self, $name, %labels) {
    my @samples = $self->samples($name, %labels);

    return @samples ? sum0(map { $_->[1] } @samples) : undef;
}


# [{ label => value }, value] of those samples

sub samples ($self, $name, %labels) {
    return grep {
        my $has = $_->[0];
        !grep { ($has->{$_} // '') ne $labels{$_} } keys %labels;
    } ($self->{sample}{$name} // [])->@*;
}


# What is wrong with the text: each family once, with help and type before its
# samples; no sample twice; names as they are to be; histograms that add up.

sub faults ($self) {
    my (@faults, %seen, %sample, $family, $type, %rising);

    push @faults, 'no newline at the end' if $self->{text} !~ /\n\z/;

    for my $line (split /\n/, $self->{text}) {
        if ($line =~ /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/) {
            push @faults, "$1 is there twice" if $seen{$1}++;
            ($family, $type) = ($1, undef);

        } elsif ($line =~ /^# TYPE (\w+) (counter|gauge|histogram)$/) {
            my ($name, $kind) = ($1, $2);

            push @faults, "type of $name without help"
                if $name ne ($family // '') || defined $type;
            push @faults, "$name: a $kind of that name"
                if ($name =~ /_total$/ xor $kind eq 'counter');
            $type = $kind;

        } elsif ($line =~ /^([a-z][a-z0-9_]*)(?:\{(.*)\})?
                           [ ](\d+(?:\.\d+)?)$/x)
        {
            my ($name, $labels, $value) = ($1, $2 // '', $3);
            my $base = ($type // '') eq 'histogram'
                       ? $name =~ s/_(?:bucket|sum|count)$//r : $name;

            push @faults, "$line: of no family"
                if $base ne ($family // '') || !defined $type;
            push @faults, "$line: twice" if $sample{"$name\{$labels"}++;
            push @faults, "$line: labels"
                if length $labels
                   && $labels !~ /^[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"
                                  (?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*$/x;

            push @faults, _histogram($line, \%rising, $name, $labels, $value)
                if ($type // '') eq 'histogram';

        } else {
            push @faults, "what is \"$line\"?";
        }
    }

    return @faults;
}


# buckets never fall, and that of +Inf is the count

sub _histogram ($line, $rising, $name, $labels, $value) {
    my @faults;

    if ($name =~ /_bucket$/) {
        my $of = $name =~ s/_bucket$//r . '{'
                 . ($labels =~ s/,?le="[^"]*"$//r);

        push @faults, "$line: less than the bucket before"
            if $value < ($rising->{$of} // 0);
        $rising->{$of} = $value;

    } elsif ($name =~ s/_count$//) {
        push @faults, "$line: not what is in the buckets"
            if $value != ($rising->{"$name\{$labels"} // -1);
    }

    return @faults;
}


1;
