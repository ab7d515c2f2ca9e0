#!/usr/bin/env perl

# The fault matrix: the worker.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Worker;

matrix('The worker', Skep::Rows::Worker->rows);
