#!/usr/bin/env perl

# The fault matrix: receivers of webhooks, and mail servers.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Mail;
use Skep::Rows::Receivers;

matrix('Receivers and mail servers', [Skep::Rows::Receivers->rows->@*,
                                      Skep::Rows::Mail->rows->@*]);
