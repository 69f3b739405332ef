# Memory that runs out at any place where the extension allocates some: the
# statement fails, the session lives on, and what it has cached is right.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Faults;
use Session;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = start_faulty_node();
my $session = Session->new($node->connstr('postgres'));

my ($failures, $places) = sweep($session, 'fail');
cmp_ok($failures, '>=', 0.9 * $places, "failed at most of $places places");
cmp_ok($places, '>', 80, 'which are many');

# Nothing is left of what has failed: the same again takes no more memory.
my @again = ('changes', 'checks of everything', 'explain', 'scopes_on');
sweep($session, 'fail', @again);
my @before = kept_memory($session);
sweep($session, 'fail', @again);
my @after = kept_memory($session);
note "bytes in all, the extension's, and its contexts: @before, then @after";
is($after[2], $before[2], 'no context is left');
cmp_ok($after[1] - $before[1], '<', 20_000, 'no memory of the extension is left');
cmp_ok($after[0] - $before[0], '<', 100_000, 'nor other memory');

($failures, $places) = sweep_new_sessions($session, 'fail', 'load', 'one check', 'has_scope', 'many entities', 'policies', 'changes', 'a grant by a member');
cmp_ok($failures, '>=', 0.8 * $places, "failed at most of $places places in new sessions");

$session->quit;
done_testing();
