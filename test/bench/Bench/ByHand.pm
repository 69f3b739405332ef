# What a developer would write by hand over the same tables: grants to the member,
# and what their role gives on all stacks.  Teams, tags, owners and so on would come
# on top.
package Bench::ByHand;
use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(by_registry by_row);

sub by_hand
{
	my ($id, $from, $where) = @_;

	return <<"SQL";
EXISTS (
	SELECT FROM rbac.entity_grants g JOIN rbac.permission_sets s ON s.name = g.permission_set
	WHERE g.entity_type = 'stack' AND g.entity = $id AND g.member = rbac.current_member()
	AND s.scopes @> 'stack:read' AND (g.expires_at IS NULL OR g.expires_at > now()))
OR EXISTS (
	SELECT FROM $from JOIN rbac.roles r ON r.name = m.role
	WHERE $where AND m.member = rbac.current_member() AND (m.expires_at IS NULL OR m.expires_at > now())
	AND (r.all_scopes OR EXISTS (
		SELECT FROM rbac.role_rules u JOIN rbac.permission_sets s ON s.name = u.permission_set
		WHERE u.role = r.name AND u.entity_type = 'stack' AND u.entity IS NULL AND u.condition IS NULL
		AND s.scopes @> 'stack:read')))
SQL
}

# With the organization that the registry knows, as has_scope() does.
sub by_registry
{
	my $id = shift;

	return by_hand($id, 'rbac.entities e JOIN rbac.members m ON m.organization = e.organization',
		"e.entity_type = 'stack' AND e.entity = $id");
}

# With the row's own, as row_has_scope() does.
sub by_row
{
	my $table = shift;

	return by_hand("$table.id", 'rbac.members m', "m.organization = $table.organization");
}

1;
