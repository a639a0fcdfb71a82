// What a simulated machine's process is started with, as its configuration would say.
#include <algorithm>

#include "sim/host.h"
#include "sim/sim_crypto.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

std::string address_of(HostId id) { return name_of_host(id) + ":7443"; }

}  // namespace

DriverOptions Host::options_of(const wal::Recovered& recovered, Store&& state) {
  DriverOptions options;
  options.boot.id = name_;
  options.boot.incarnation = recovered.incarnation;
  options.boot.peer_address = address_of(id_);
  options.boot.api_address = name_ + ":8443";
  options.boot.election_timeout = profile_.election_timeout;
  options.boot.heartbeat_interval = profile_.heartbeat_interval;
  options.boot.paper_elections = profile_.paper_elections;
  options.boot.leader_priority = profile_.leader_priorities.at(id_);
  const uint32_t configured = founded_() ? profile_.nodes + profile_.extras : profile_.nodes;
  options.boot.leave_grace = profile_.leave_grace;
  options.boot.founding_nodes = configured;
  options.boot.rebuilds = disk_.note().has_value();
  options.boot.lost_cluster = disk_.note().value_or(ClusterId{});
  if (recovered.hard.cluster_id && founds_anew_ == recovered.hard.cluster_id) founds_anew_.reset();
  options.boot.founds_anew = founds_anew_;
  if (profile_.versions && tape_.chance(500)) options.boot.protocol = protocol::kOldest;
  options.boot.has_database = profile_.databases;
  options.boot.seed = fresh_word();
  options.boot.hard = recovered.hard;
  options.boot.state = std::move(state);
  options.boot.persist_bytes_max = std::min(limits::kPersistBytesMax, profile_.segment_bytes / 4);
  options.boot.pace = profile_.checkpoint_pace;
  options.boot.life_interval = profile_.life_interval;
  options.boot.retention = profile_.log_retention;
  options.boot.entries = recovered.entries;
  options.version = "sim";
  if (profile_.by_name) options.peers_name = name_of_nodes();
  options.boot.founding_by_name = profile_.by_name;
  for (HostId peer = 0; peer < configured && !profile_.by_name; ++peer) {
    if (peer != id_) options.peers.push_back({name_of_host(peer), address_of(peer)});
  }
  options.log_position = recovered.position;
  options.log_segments = recovered.segments;
  options.segment_bytes = profile_.segment_bytes;
  options.request_timeout = 4s;
  options.accounts.session_idle = profile_.session_idle;
  options.crypto = std::make_unique<SimCrypto>("the secret of all nodes", fresh_word());
  options.boot.log_reserve = log_reserve(profile_.segment_bytes);
  return options;
}

}  // namespace patronus::sim
