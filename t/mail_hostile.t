#!/usr/bin/env perl

# What users write stays text: in headers, in the text, in the page.

use v5.36;
use utf8;

use Skep::Mailing;
use Skep::Test;

my $skep = skep();
my $m = Skep::Mailing->new(skep => $skep);
my $sink = $m->sink;

my $ann = $skep->user;
my $eve = $skep->user(name => "Eve</a><script>\x{202e}\"'&");
my $project = $eve->project(name => 'P{{token}}', members => [[$ann, 'viewer']]);
my $n = 2;

$m->fan_out;
$sink->mail($_) for 1 .. $n;
$skep->pg->execute("UPDATE auth.users SET email_verified = true;
                    INSERT INTO notify.settings (user_id, email_on)
                    VALUES ('@{[$ann->id]}', '{task.created,comment.created}')");

my @usual = qw(X-Sink-From X-Sink-To X-Sink-Helo X-Sink-Login X-Sink-TLS Date
               From To Subject Message-ID References Auto-Submitted
               List-Unsubscribe MIME-Version Content-Type);

sub mail_of ($title) {
    my $task = $eve->task(project_id => $project->{id}, title => $title);

    $m->fan_out;

    my $mail = $sink->mail(++$n);
    my $name = 'title ' . ($title =~ s/([^ -~])/sprintf '\\x{%x}', ord $1/ger);

    substr($name, 60) = '...' if length $name > 60;
    is_deeply([$mail->names], \@usual, "$name: the headers");
    is($mail->header('X-Sink-To'), $ann->email, "$name: one recipient");
    unlike($mail->raw, qr/[^\r]\n|\r[^\n]|[^\r\n]{79}|[^\r\n\t -~]/,
           "$name: short lines of ASCII");
    is(scalar(my @parts = $mail->parts), 2, "$name: two parts");

    return ($mail, $task);
}

sub escaped ($text) {
    state %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;',
                     '"' => '&quot;', q{'} => '&#39;');

    return $text =~ s/([&<>"'])/$entity{$1}/gr;
}


# as it was written, and nothing else

for my $title (
    'Plain',
    '<script>alert("1 & \'2\'")</script>',
    '</title></a><img src=x onerror=alert(1)>',
    '{{token}} {{link}} {{nothing}} }}',
    '=?utf-8?B?QmNjOiB4?= =?iso-8859-1?Q?x?=',
    'Grüße aus Ελλάδα 🐝',
    '.', '..', '-- ', '--=_', '=', ' x',
) {
    my ($mail) = mail_of($title);

    is($mail->subject, "[P{{token}}] New: $title", 'subject');
    like($mail->text, qr/^"\Q$title\E"$/m, 'text');
    like($mail->html, qr/<b>\Q@{[escaped($title)]}\E<\/b>/, 'page');
    like($mail->html, qr/<p>Eve&lt;\/a&gt;&lt;script&gt;&quot;&#39;&amp; created/,
         'the name in the page');
}


# in one line

for my $title (
    "x\r\nBcc: victim\@example.com",
    "x\nContent-Type: text/html\n\n<b>",
    "x\r\n\r\nbody",
    "x\r\n.\r\nMAIL FROM:<a\@b>\r\n",
    "x\rBcc: victim\@example.com",
    "x\x{2028}Bcc: y", "x\x{85}Bcc: y", "x\tBcc: y", "x\x{1b}[31m", "x\x{7f}y",
) {
    my ($mail) = mail_of($title);
    my $want = $title =~ s/[\x00-\x1f\x7f-\x9f\x{2028}]+/ /gr;

    is($mail->subject =~ s/ +\z//r, "[P{{token}}] New: $want" =~ s/ +\z//r,
       'subject');
    like($mail->text, qr/^"\Q$want\E"$/m, 'text');
}

my ($mail) = mail_of("\x{202e}gpj.exe\x{2066}");
is($mail->subject, '[P{{token}}] New: gpj.exe', 'no turn of the direction');


# the longest, and one that no line could hold

for my $title ('x' x 500, '🐝' x 500, '"' x 500, ' a' x 250) {
    my ($mail) = mail_of($title);

    ok(index($mail->text, qq{"$title"\n}) >= 0, 'a long title: whole in the text');
    like($mail->subject, qr/…\z/, 'cut in the subject');
}

my ($last, $task) = mail_of('Comments');
my $body = ".\r\n.\n<b>{{link}}\n\n" . 'y' x 9000 . "\n=\n \n--\n";

$eve->post("/v1/tasks/$task->{id}/comments", { body => $body });
$m->fan_out;
$mail = $sink->mail(++$n);
unlike($mail->raw, qr/[^\r]\n|\r[^\n]|[^\r\n]{79}/, 'a comment: short lines');
ok(index($mail->text, $body =~ s/\r//gr) >= 0, 'a comment, as it was written');
like($mail->html, qr{\.<br>\n\.<br>\n&lt;b&gt;\{\{link\}\}<br>\n<br>\ny},
     'a comment in the page');

is($sink->count, $n, 'no other mail');
is($m->stop_worker, 0, 'the worker ends');

finish();
