#!/usr/bin/env perl

# Receivers of webhooks and mail servers misbehave: nobody else notices, and what
# was due arrives in the end.  The short form of t/faults/receivers.t.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Mail;
use Skep::Rows::Receivers;

matrix('Receivers and mail servers', [Skep::Rows::Receivers->rows->@*,
                                      Skep::Rows::Mail->rows->@*], short => 1);
