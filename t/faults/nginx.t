#!/usr/bin/env perl

# The fault matrix: nginx.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Nginx;

matrix('nginx', Skep::Rows::Nginx->rows);
