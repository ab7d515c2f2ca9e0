#!/usr/bin/env perl

# docs/openapi.yaml in itself, and against the tables of fields: references,
# examples, bounds.  That answers are what it says is looked at by the tests
# that make all calls (t/contract_*.t, t/auth_matrix.t).

use v5.36;

use Skep::Contract qw(args fields names routes sorts);
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

for my $kind (qw(parameters headers responses schemas)) {
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
        next if $type eq 'application/problem+json';

        my ($media, $schema) = ($content->{$type}, $content->{$type}{schema});
        my @examples = (exists $media->{example} ? $media->{example} : (),
                        map({ $_->{value} } values(($media->{examples}
                                                    // {})->%*)),
                        ($openapi->resolve($schema)->{examples} // [])->@*);

        # another name of the same
        ok(scalar @examples, "$name: $what has an example")
            if keys %$content == 1 || $type ne 'application/json';
        is(join('; ', $openapi->mismatch($schema, $_)), '',
           "$name: $what: an example that is good") for @examples;
    }
}

for (@operations) {
    my ($method, $path, $operation) = @$_;

    examples('the body', $operation->{requestBody}{content} // {},
             "$method $path");

    for my $status (sort grep { /^2/ } keys $operation->{responses}->%*) {
        my $response = $openapi->resolve($operation->{responses}{$status});

        examples("the answer $status", $response->{content} // {},
                 "$method $path");
    }
}


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
