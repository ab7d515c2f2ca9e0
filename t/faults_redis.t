#!/usr/bin/env perl

# Redis is killed, emptied or hangs while clients write and read: no request
# notices, and nothing is lost by it.  The short form of t/faults/redis.t.

use v5.36;

use Skep::Matrix;
use Skep::Rows::Redis;

matrix('Redis', Skep::Rows::Redis->rows, short => 1);
