#!/usr/bin/env perl

# nginx's workers are killed (kill -9), and reloaded again and again, while tasks
# are written: who asks again by the same key has one task, and one event of it.
# The short form of t/faults/nginx.t.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Nginx;

matrix('nginx', Skep::Rows::Nginx->rows, short => 1);
