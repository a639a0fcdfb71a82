// patronusctl snapshot restore --into-cluster: the keys of the cluster that runs become those of a snapshot.
#pragma once

#include <string>

#include "io/patronusctl/cluster.h"

namespace patronus::ctl {

struct RestoreIntoCluster {
  std::string file;
  bool keep_sessions = false;
  bool other_cluster = false;
  bool dry_run = false;
  bool yes = false;  // nobody is asked
};

// Checks the file by building the state from it, brings it to a node, says what will happen, asks, and waits
// for the outcome. Returns the exit code.
[[nodiscard]] int restore_into_cluster(Cluster& cluster, const RestoreIntoCluster& given);

}  // namespace patronus::ctl
