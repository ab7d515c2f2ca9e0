package Skep::Plan;

# What is wrong with a plan of EXPLAIN (FORMAT JSON), for a statement whose
# tables grow without end and whose answer is a page.

use v5.36;

use List::Util qw(sum0);

# nodes that take in all their rows before they give one
my %holds = map { $_ => 1 } (
    'Sort', 'Incremental Sort', 'Hash', 'Materialize', 'Memoize', 'WindowAgg',
    'SetOp',
);


# The faults of a plan, as text: one that reads a whole table or index (those
# that begin with pg_ are not looked at), or sorts, hashes or keeps more rows
# than "rows", all executions of the node taken together; or that reads more
# than "reads", be it to pass over them.  Where the plan was executed, its true
# rows count, and what was never reached counts for nothing; else the rows that
# the planner expects, and "reads" is not looked at.

sub faults ($plan, $rows, $reads) {
    my @faults;

    _walk($plan->{Plan}, 1, 0, sub ($node, $times, $limited) {
        my $type = $node->{'Node Type'};
        my $name = $node->{'Relation Name'} // $node->{'Index Name'} // '';

        return if defined $node->{'Actual Loops'} && !$node->{'Actual Loops'};

        if ($type eq 'Seq Scan') {
            push @faults, "reads all of $name" if $name !~ /^pg_/;

        } elsif ($type =~ /^Index/ && !$node->{'Index Cond'} && !$limited) {
            push @faults, "reads all of $node->{'Index Name'}"
                if $name !~ /^pg_/;
        }

        my $held = _held($node, $times);
        push @faults, "$type of $held rows" if $held > $rows;

        my $read = _read($node);
        push @faults, "$type of $name reads $read rows" if $read > $reads;
    });

    return @faults;
}


# How many rows a node keeps.

sub _held ($node, $times) {
    my $hashed = ($node->{Strategy} // '') =~ /Hashed|Mixed/;
    my $held = 0;

    if ($holds{$node->{'Node Type'}} || $hashed) {
        $held = sum0 map { _rows($_, $times) } ($node->{Plans} // [])->@*;
    }

    if (($node->{'Subplan Name'} // '') =~ /^CTE /) {
        my $own = _rows($node, $times);
        $held = $own if $own > $held;
    }

    return $held;
}


# How many rows a scan that was executed has looked at.

sub _read ($node) {
    return 0 if $node->{'Node Type'} !~ /Scan/ || !$node->{'Actual Loops'};

    return $node->{'Actual Loops'}
           * sum0 map { $node->{$_} // 0 }
                  ('Actual Rows', 'Rows Removed by Filter',
                   'Rows Removed by Index Recheck');
}


sub _rows ($node, $times) {
    return $node->{'Actual Rows'} * $node->{'Actual Loops'}
        if defined $node->{'Actual Rows'};

    return $node->{'Plan Rows'} * $times;
}


# Calls code for each node, with how often the planner expects it to be
# executed, and whether a Limit is above it that can end it early.

sub _walk ($node, $times, $limited, $code) {
    my $type = $node->{'Node Type'};
    my $outer = 1;

    $code->($node, $times, $limited);

    $limited = 1 if $type eq 'Limit';
    $limited = 0 if $holds{$type} || $type =~ /^(?:Aggregate|ModifyTable)$/;

    for my $child (($node->{Plans} // [])->@*) {
        my $relation = $child->{'Parent Relationship'} // '';
        my $inner = $type eq 'Nested Loop' && $relation eq 'Inner';

        $outer = $child->{'Plan Rows'} if $relation eq 'Outer';
        _walk($child, $inner ? $times * $outer : $times,
              $relation =~ /^(?:InitPlan|SubPlan)$/ ? 0 : $limited, $code);
    }
}


# The plan as text, for who has to mend it.

sub text ($plan) {
    my @lines;

    push @lines, ($plan->{'Query Text'} // '') =~ s/^/    /gmr;

    my $walk = sub ($walk, $node, $depth) {
        my $line = '  ' x $depth . $node->{'Node Type'};

        for ('Relation Name', 'Index Name', 'Index Cond', 'Filter',
             'Subplan Name')
        {
            $line .= " $_: $node->{$_}" if defined $node->{$_};
        }

        $line .= defined $node->{'Actual Rows'}
                 ? " ($node->{'Actual Rows'} rows, $node->{'Actual Loops'}"
                   . ' times)'
                 : " ($node->{'Plan Rows'} rows expected)";
        push @lines, $line;
        $walk->($walk, $_, $depth + 1) for ($node->{Plans} // [])->@*;
    };

    $walk->($walk, $plan->{Plan}, 0);

    return join '', map { "$_\n" } @lines;
}


1;
