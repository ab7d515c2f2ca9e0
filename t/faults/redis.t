#!/usr/bin/env perl

# The fault matrix: Redis.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Redis;

matrix('Redis', Skep::Rows::Redis->rows);
