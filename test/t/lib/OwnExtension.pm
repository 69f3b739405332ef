# The extension's files in a directory that only one server is told of, so that a test
# can add versions of its own.
package OwnExtension;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(own_extension);

# To be called before the server is started.  Returns the directory of the scripts,
# and the version.
sub own_extension
{
	my ($node) = @_;
	my $own = $node->basedir . '/own';
	my $share = $own . $node->config_data('--sharedir');
	my $libraries = $own . $node->config_data('--pkglibdir');
	my ($version) = slurp_file('rbac.control') =~ /^default_version = '(.*)'/m;
	make_path("$share/extension", $libraries);
	system_or_bail('cp', 'rbac.control', "rbac--$version.sql", "$share/extension");
	system_or_bail('cp', 'rbac.so', $libraries);
	$node->append_conf('postgresql.conf', $node->pg_version < 18 ? "extension_destdir = '$own'" : "extension_control_path = '$share:\$system'");
	$node->append_conf('postgresql.conf', "dynamic_library_path = '$libraries:\$libdir'");
	return ("$share/extension", $version);
}

1;
