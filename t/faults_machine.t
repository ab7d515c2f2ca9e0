#!/usr/bin/env perl

# The machine's clock is set, and its descriptors are taken, while tasks are
# written.  The short form of t/faults/machine.t.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Machine;

matrix('The machine', Skep::Rows::Machine->rows, short => 1);
