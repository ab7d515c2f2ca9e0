#!/usr/bin/env perl

# The fault matrix: the machine.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Machine;

matrix('The machine', Skep::Rows::Machine->rows);
