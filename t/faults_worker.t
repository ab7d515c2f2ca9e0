#!/usr/bin/env perl

# Workers are killed (kill -9) while tasks are written: whatever they had in
# hand is done by another, and nobody is told of anything twice.  The short form
# of t/faults/worker.t.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Worker;

matrix('The worker', Skep::Rows::Worker->rows, short => 1);
