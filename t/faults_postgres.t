#!/usr/bin/env perl

# PostgreSQL fails while clients write and read: each write that was acknowledged
# is there and is told of once.  The short form of t/faults/postgres.t.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Postgres;

matrix('PostgreSQL', Skep::Rows::Postgres->rows, short => 1);
