#!/usr/bin/env perl

# The fault matrix: PostgreSQL.

use v5.36;

use Skep::Matrix;
use Skep::Namespace;
use Skep::Rows::Postgres;
use Skep::Rows::PostgresNetwork;

matrix('PostgreSQL', [Skep::Rows::Postgres->rows->@*,
                      Skep::Rows::PostgresNetwork->rows->@*]);
