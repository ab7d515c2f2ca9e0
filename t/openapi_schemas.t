#!/usr/bin/env perl

# docs/openapi.yaml in itself, and against the tables of fields: references,
# examples, bounds, closed objects.  That answers are what it says is looked at
# wherever a test gets one: see t/lib/Skep/Witness.pm.

use v5.36;

use Skep::Contract qw(args fields names routes sorts);
use Skep::File qw(slurp);
use Skep::OpenAPI;
use Skep::Test;

my $openapi = Skep::OpenAPI->load;
my $doc = $openapi->doc;
my @operations = $openapi->operations;


# every reference points to something; what is there is used

my %used;

sub walk ($thing, $at) {
    if (ref $thing eq 'HASH') {
        if (defined $thing->{'$ref'}) {
            $used{$thing->{'$ref'}}++;
            ok(eval { $openapi->resolve($thing) }, "$at: $thing->{'$ref'}");
        }

        walk($thing->{$_}, "$at/$_") for sort keys %$thing;

    } elsif (ref $thing eq 'ARRAY') {
        walk($thing->[$_], "$at/$_") for 0 .. $#$thing;
    }
}

walk($doc, '');

for my $kind (qw(parameters headers responses examples schemas)) {
    is(join(' ', grep { !$used{"#/components/$kind/$_"} }
                 sort keys $doc->{components}{$kind}->%*), '',
       "all $kind are used");
}


# every operation

my (%id, %tag);

$tag{$_->{name}} = 1 for $doc->{tags}->@*;

for (@operations) {
    my ($method, $path, $operation) = @$_;
    my $name = "$method $path";
    my %responses = $operation->{responses}->%*;
    my $id = $operation->{operationId} // '';

    ok(length $id && !$id{$id}++, "$name: an operationId of its own");
    ok(length($operation->{summary} // ''), "$name: a summary");
    is(join(' ', grep { !$tag{$_} } ($operation->{tags} // ['?'])->@*), '',
       "$name: tags");
    ok(scalar(grep { /^2/ } keys %responses), "$name: a success");
    ok(length($openapi->resolve($responses{$_})->{description} // ''),
       "$name: $_ is described") for sort keys %responses;

    # what is in braces is a parameter
    my @parameters = map { $openapi->resolve($_) }
                     ($doc->{paths}{$path}{parameters} // [])->@*,
                     ($operation->{parameters} // [])->@*;

    is(join(' ', sort map { $_->{name} } grep { $_->{in} eq 'path' }
                 @parameters),
       join(' ', sort $path =~ /\{(\w+)\}/g), "$name: the parameters of the path");

    for my $parameter (@parameters) {
        my $schema = $openapi->resolve($parameter->{schema});

        is(join('; ', $openapi->mismatch($parameter->{schema},
                                         $schema->{default})),
           '', "$name: the default of $parameter->{name}")
            if exists $schema->{default};
    }
}


# examples: of every body, and good ones

sub examples ($what, $content, $name) {
    for my $type (sort keys %$content) {
        my ($media, $schema) = ($content->{$type}, $content->{$type}{schema});
        my @examples = (exists $media->{example} ? $media->{example} : (),
                        map({ $openapi->resolve($_)->{value} }
                            values(($media->{examples} // {})->%*)),
                        $type eq 'application/problem+json'
                            ? ()            # each has those of its codes
                            : ($openapi->resolve($schema)->{examples}
                               // [])->@*);

        ok(scalar @examples, "$name: $what has an example");
        is(join('; ', $openapi->mismatch($schema, $_)), '',
           "$name: $what: an example that is good") for @examples;
    }
}

for (@operations) {
    my ($method, $path, $operation) = @$_;

    examples('the body', $operation->{requestBody}{content} // {},
             "$method $path");

    for my $status (sort keys $operation->{responses}->%*) {
        my $response = $openapi->resolve($operation->{responses}{$status});
        my $content = $response->{content} // {};

        examples("the answer $status", $content, "$method $path");

        # a problem's are by their codes, and all that the text names
        my $named = ($content->{'application/problem+json'} // next)->{examples};
        my %codes = map { $_ => 1 } grep { $doc->{components}{examples}{$_} }
                    $response->{description} =~ /`(\w+)`/g;

        is_deeply([sort keys %$named], [sort keys %codes],
                  "$method $path: $status has an example of each code");

        for my $code (sort keys %$named) {
            my $example = $openapi->resolve($named->{$code})->{value};

            is($example->{code}, $code, "$method $path: the example of $code");
            is($example->{status}, $status, "$method $path: its status")
                if $status ne 'default';
        }
    }
}


examples('the body', $doc->{webhooks}{event}{post}{requestBody}{content},
         'an event of a webhook');

# problems: as the sources have them

my %problems;

for my $file (glob Skep::Process::source_dir() . '/ngx_*_module/*.c') {
    my $string = qr/ngx_string\(((?:"(?:[^"\\]|\\.)*"\s*)+)\)/;
    my $text = slurp($file);

    while ($text =~ /\b(\d+),\s*ngx_string\("(\w+)"\),\s*$string,
                     \s*(?:ngx_null_string|$string)/gx)
    {
        my ($status, $code, @texts) = ($1, $2, $3, $4);

        $problems{$code}{join "\n", $status, map { join '', map {
            Skep::Response::decode($_) } /"(?:[^"\\]|\\.)*"/g }
            map { $_ // '' } @texts} = 1;
    }
}

for my $code (sort keys $doc->{components}{examples}->%*) {
    my $example = $doc->{components}{examples}{$code}{value};
    my $text = join "\n", map { $example->{$_} // '' } qw(status title detail);

    # of some the text comes with the fault; 0 stands for other statuses
    my @good = ($text, "$example->{status}\n$example->{title}\n",
                $text =~ s/\A\d+/0/r);

    ok(scalar(grep { $problems{$code}{$_} } @good),
       "the example of $code is as it is served")
        or diag($text, "\nnot\n", join "\n", keys(($problems{$code} // {})->%*));
    is($example->{type}, "urn:skep:problem:$code", "and its type");
}


# an object has no members but those that are told

sub closed ($thing, $at) {
    if (ref $thing eq 'ARRAY') {
        closed($thing->[$_], "$at/$_") for 0 .. $#$thing;

    } elsif (ref $thing eq 'HASH') {
        ok(exists $thing->{additionalProperties}, "$at is closed")
            if ($thing->{type} // '') eq 'object';
        closed($thing->{$_}, "$at/$_") for grep { !/^examples?$/ }
                                           sort keys %$thing;
    }
}

closed($doc->{components}{schemas}, 'schemas');
closed($doc->{paths}, 'paths');
closed($doc->{webhooks}, 'webhooks');


# the tables of fields: [schema of the thing, of a new one, of a patch]

my %schemas = (
    task => [qw(Task NewTask TaskPatch)],
    task_project => [qw(Project NewProject ProjectPatch)],
    task_comment => [qw(Comment NewComment CommentPatch)],
    notify_webhook => [qw(Webhook NewWebhook WebhookPatch)],
);

sub schema_of ($name) { return $doc->{components}{schemas}{$name} }

# a schema's own words, with those of what it points to
sub words ($schema) {
    return { $openapi->resolve($schema)->%*, %$schema };
}

for my $table (sort keys %schemas) {
    my ($thing, @bodies) = $schemas{$table}->@*;
    my @fields = fields($table);
    my @writable = grep { $_->{writable} } @fields;
    my @required = sort map { $_->{name} }
                   grep { $_->{presence}[0] eq 'REQUIRED' } @writable;

    my $answer = schema_of($thing);

    is_deeply([sort keys $answer->{properties}->%*],
              [sort map { $_->{name} } @fields], "$thing has the fields");
    is_deeply([sort $answer->{required}->@*],
              [sort map { $_->{name} } @fields], "$thing has all of them");

    for my $body (@bodies) {
        my $schema = schema_of($body);

        is_deeply([sort keys $schema->{properties}->%*],
                  [sort map { $_->{name} } @writable], "$body: the fields");
        is_deeply([sort(($schema->{required} // [])->@*)],
                  $body =~ /^New/ ? \@required : [], "$body: required");

        for my $field (@writable) {
            my $words = words($schema->{properties}{$field->{name}});
            my ($shape, @o) = $field->{shape}->@*;
            my $nullable = ref $words->{type}
                           && grep { $_ eq 'null' } $words->{type}->@*;
            my $name = "$body: $field->{name}";

            is(!!$nullable, $field->{presence}[0] eq 'NULLABLE',
               "$name: null or not");
            is($words->{minLength} // 0, $o[0], "$name: minLength"),
            is($words->{maxLength}, $o[1], "$name: maxLength")
                if $shape eq 'STRING';
            is($words->{minLength} // 0, $o[1], "$name: minLength"),
            is($words->{maxLength}, $o[2], "$name: maxLength")
                if $shape eq 'CHECKED';
            is_deeply($words->{items}{enum}, [names($o[0])], "$name: enum"),
            is($words->{minItems}, $o[1], "$name: minItems"),
            is($words->{maxItems}, $o[2], "$name: maxItems"),
            ok($words->{uniqueItems}, "$name: uniqueItems")
                if $shape eq 'NAMES';
            is_deeply($words->{enum}, [names($o[0])], "$name: enum")
                if $shape eq 'ENUM';
            is($words->{maxItems}, $o[0], "$name: maxItems"),
            is($words->{items}{minLength}, $o[1], "$name: minLength"),
            is($words->{items}{maxLength}, $o[2], "$name: maxLength")
                if $shape eq 'LABELS';
            is($words->{format}, 'date-time', "$name: format")
                if $shape eq 'TIMESTAMP';
            is($words->{format}, 'uuid', "$name: format")
                if $shape eq 'UUID' || $shape eq 'MEMBER';
            is($words->{minimum}, $o[0], "$name: minimum"),
            is($words->{maximum}, $o[1], "$name: maximum")
                if $shape eq 'INTEGER';
            is_deeply($words->{type}, 'boolean', "$name: type")
                if $shape eq 'BOOLEAN';
        }
    }
}



# query parameters, and the orders of lists

my %sorts = (ngx_task_list_args => 'task', ngx_task_project_args => 'task_project',
             ngx_task_comment_args => 'task_comment',
             ngx_notify_webhook_args => 'notify_webhook');

for my $route (map { routes($_) } qw(task auth notify)) {
    my ($method, $path) = $route->@{qw(method path)};
    my $operation = $openapi->operation($method, $path =~ s/[{}]//gr) or next;
    my %query = map { $_->{name} => $_ } grep { $_->{in} eq 'query' }
                map { $openapi->resolve($_) }
                ($operation->{parameters} // [])->@*;
    my $args = $route->{args};

    # where the path names the project, no parameter may
    my @args = grep { $_ ne 'project' || $path !~ m{/projects/} }
               $args ? args($args) : ();

    is_deeply([sort keys %query], [sort @args],
              "$method $path: the query parameters");
    is_deeply([sort $query{sort}{schema}{enum}->@*],
              [sort(sorts($sorts{$args}))], "$method $path: the orders")
        if $query{sort};
}

done_testing();
