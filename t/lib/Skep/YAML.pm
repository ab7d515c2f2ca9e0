package Skep::YAML;

# The YAML that docs/openapi.yaml is written in: block maps and lists, flow
# ones on a line, plain and quoted texts, "|" texts, anchors and aliases,
# comments of whole lines.  What else there is, it refuses.

use v5.36;

use JSON::PP ();


# A file as data: maps are hashes; the order of their keys is lost.

sub load ($class, $file) {
    open my $fh, '<:encoding(UTF-8)', $file or die "$file: $!";

    my @lines = map { s/\s+\z//r } <$fh>;
    my $self = bless { file => $file, lines => \@lines, at => 0,
                       anchors => {} }, $class;
    my $data = $self->_block(0);

    $self->_fail('what is this') if defined $self->_peek;
    return $data;
}


sub _fail ($self, $what) {
    die "$self->{file}:" . ($self->{at} + 1) . ": $what\n";
}

# The next line that says something; undef at the end.

sub _peek ($self) {
    my $lines = $self->{lines};

    $self->{at}++ while $self->{at} < @$lines
                        && $lines->[$self->{at}] =~ /^ *(?:#|\z)/;

    return $lines->[$self->{at}];
}


# A map or a list whose lines are indented by so much.

sub _block ($self, $indent) {
    my $line = $self->_peek;

    return substr($line, $indent) =~ /^- / ? $self->_list($indent)
                                           : $self->_map($indent);
}

sub _map ($self, $indent) {
    my %map;

    while (defined(my $line = $self->_peek)) {
        my ($space) = $line =~ /^( *)/;

        last if length $space < $indent;
        $self->_fail('indented too far') if length $space > $indent;

        my ($quoted, $plain, $rest) =
            $line =~ /^ *(?:'([^']*)'|([^\s'"{\[&*#-](?:[^:]|:(?! |\z))*)):(?: +(.*))?\z/
            or $self->_fail('not a member of a map');
        my $key = $quoted // $plain;

        $self->_fail("\"$key\" is there twice") if exists $map{$key};
        $self->{at}++;
        $map{$key} = $self->_value($rest // '', $indent);
    }

    return \%map;
}

sub _list ($self, $indent) {
    my @list;

    while (defined(my $line = $self->_peek)) {
        last if $line !~ /^ {$indent}- (.*)/;

        my $rest = $1;

        # "- name: limit" begins a map, which goes on below
        if ($rest =~ /^[\w\$-]+:(?: |\z)/) {
            $self->{lines}[$self->{at}] = ' ' x ($indent + 2) . $rest;
            push @list, $self->_map($indent + 2);
            next;
        }

        $self->{at}++;
        push @list, $self->_value($rest, $indent);
    }

    return \@list;
}


# What follows a key or a dash, in its line and below.

sub _value ($self, $text, $indent) {
    my $anchor = $text =~ s/^&(\w+) *// ? $1 : undef;
    my $value;

    if ($text eq '|') {
        $value = $self->_text($indent);

    } elsif ($text ne '') {
        my $rest = $text;

        $value = $self->_flow(\$rest, '');
        $self->_fail("\"$rest\" is too much") if $rest ne '';

    } else {
        my ($space, $rest) = ($self->_peek // '') =~ /^( *)(.*)/;

        $self->_fail('a value is missing') if length $space <= $indent;

        if ($rest =~ /^[{\[]/) {
            $self->{at}++;
            $value = $self->_value($rest, $indent);

        } else {
            $value = $self->_block(length $space);
        }
    }

    $self->{anchors}{$anchor} = $value if defined $anchor;
    return $value;
}

sub _text ($self, $indent) {
    my (@text, $space);

    while (defined(my $line = $self->{lines}[$self->{at}])) {
        my ($own) = $line =~ /^( *)/;

        last if $line ne '' && length $own <= $indent;
        $space //= $own if $line ne '';
        push @text, $line eq '' ? '' : substr $line, length $space;
        $self->{at}++;
    }

    return join("\n", @text) =~ s/\n*\z/\n/r;
}


# A value in a line; $end: what ends a plain text beside the line's end.

sub _flow ($self, $text, $end) {
    $$text =~ s/^ +//;

    return $self->_flow_map($text) if $$text =~ s/^\{ *//;
    return $self->_flow_list($text) if $$text =~ s/^\[ *//;

    if ($$text =~ s/^\*(\w+) *//) {
        $self->_fail("no anchor \"$1\"") if !exists $self->{anchors}{$1};
        return $self->{anchors}{$1};
    }

    return $1 =~ s/''/'/gr if $$text =~ s/^'((?:[^']|'')*)' *//;
    return JSON::PP->new->allow_nonref->decode($1)
        if $$text =~ s/^("(?:[^"\\]|\\.)*") *//;

    $self->_fail("a text that begins so: $$text") if $$text =~ /^[&*!|>%@`]/;

    my $plain = $end eq '' ? qr/.*/ : qr/[^,\Q$end\E]*/;

    $$text =~ s/^($plain)//;

    my $value = $1 =~ s/ +\z//r;

    $self->_fail('a plain text with ": " or " #"') if $value =~ /: | #/;

    return $value =~ /^-?(?:0|[1-9][0-9]*)\z/ ? 0 + $value
         : $value eq 'true'  ? JSON::PP::true
         : $value eq 'false' ? JSON::PP::false
         : $value eq 'null'  ? undef
         : $value;
}

sub _flow_map ($self, $text) {
    my %map;

    while ($$text !~ s/^\} *//) {
        $$text =~ s/^(?:'([^']*)'|([\w\$-]+)): +//
            or $self->_fail("not a member of a map: $$text");

        my $key = $1 // $2;

        $map{$key} = $self->_flow($text, '}');
        $$text =~ s/^, *// || $$text =~ /^\}/
            or $self->_fail("a map does not end: $$text");
    }

    return \%map;
}

sub _flow_list ($self, $text) {
    my @list;

    while ($$text !~ s/^\] *//) {
        push @list, $self->_flow($text, ']');
        $$text =~ s/^, *// || $$text =~ /^\]/
            or $self->_fail("a list does not end: $$text");
    }

    return \@list;
}


1;
