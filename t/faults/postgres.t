#!/usr/bin/env perl

# The fault matrix: PostgreSQL.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Postgres;

matrix('PostgreSQL', Skep::Rows::Postgres->rows);
