#include "io/config/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/base/limits.h"
#include "io/config/duration.h"
#include "io/config/reading.h"
#include "io/config/size.h"
#include "io/config/time_text.h"

namespace patronus {
namespace {

constexpr std::string_view kByName = "dns:";

void read_identity(Reading& in, const Sources& sources, Config& config) {
  config.node_id = in.text("NODE_ID", sources.host_name);
  if (!is_node_id(config.node_id)) {
    in.wrong("NODE_ID", config.node_id,
             "is not a node id; use 1 to " + std::to_string(limits::kNodeIdBytesMax) +
                 " letters, digits, '.', '-' or '_', for example dashboard1");
  }
  config.data_dir = in.text("DATA_DIR", "/data/raft");
  if (config.data_dir.empty()) in.wrong("DATA_DIR", "", "names no directory; use for example /data/raft");
  config.log_level = in.text("LOG_LEVEL", "info");
  static const std::set<std::string> kLevels{"debug", "info", "warn", "error"};
  if (!kLevels.contains(config.log_level)) {
    in.wrong("LOG_LEVEL", config.log_level, "is not a level; use debug, info, warn or error");
  }
}

// Whether an entry without a name means this node. A host may be listed by its full name.
bool is_own_address(const Reading& in, const Config& config, const Address& address) {
  if (address == config.peer_address || address.text() == config.advertised_peer) return true;
  const std::string& host = in.host_name();
  return address.port == config.peer_address.port && !host.empty() &&
         (config.peer_address.host == "0.0.0.0" || config.peer_address.host == "::") &&
         address.host.starts_with(host + ".");
}

bool is_ip(const std::string& host) {
  in6_addr any{};
  return inet_pton(AF_INET, host.c_str(), &any) == 1 || host.find(':') != std::string::npos;
}

// How many nodes a name leads to changes with time, so how many begin must be said. One alone would begin
// before it has met the others, and so would each of them.
void read_founding_nodes_of_name(Reading& in, Config& config, const std::string& peers) {
  const std::string remedy =
      "use how many nodes begin the cluster, 2 to " + std::to_string(limits::kMembersMax);
  const std::optional<std::string> text = in.given("FOUNDING_NODES");
  if (!text) {
    in.wrong("FOUNDING_NODES", "", "is not set, but PATRONUS_PEERS='" + peers + "' needs it; " + remedy);
    return;
  }
  size_t nodes = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), nodes);
  if (text->empty() || error != std::errc() || end != text->data() + text->size() || nodes < 2 ||
      nodes > limits::kMembersMax) {
    in.wrong("FOUNDING_NODES", *text,
             "can't be with PATRONUS_PEERS='" + peers + "'; " + remedy +
                 " (a node that is to stay alone needs no PATRONUS_PEERS)");
    return;
  }
  config.founding_nodes = nodes;
}

// Where the nodes are found by a name, a host's own is often none that others can resolve (a pod's), but its
// address is one that they reach. Of several nobody knows which; a pod may have one of either kind.
std::optional<std::string> only_address(const std::vector<std::string>& all) {
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (const std::string& one : all) (one.find(':') == std::string::npos ? v4 : v6).push_back(one);
  const std::vector<std::string>& preferred = v4.empty() ? v6 : v4;
  return preferred.size() == 1 ? std::optional(preferred.front()) : std::nullopt;
}

// dns:name:port. A name stands alone: beside it nobody could say which of its addresses are listed already.
void read_peers_name(Reading& in, Config& config, const std::string& text) {
  const std::optional<Address> name = parse_address(text.substr(kByName.size()));
  if (text.find(',') != std::string::npos) {
    in.wrong("PEERS", text,
             "has a name beside other peers; use either one dns:name:port, which leads to all nodes, or a "
             "list of id=host:port");
  } else if (!name || is_ip(name->host)) {
    in.wrong("PEERS", text,
             "names no nodes; use dns:name:port with a name whose addresses are the nodes', for example "
             "dns:patronus.example.org:7443");
  } else {
    config.peers_name = name;
    if (const std::optional<std::string> own = only_address(in.own_addresses());
        own && (config.peer_address.host == "0.0.0.0" || config.peer_address.host == "::"))
      config.advertised_peer = Address{*own, config.peer_address.port}.text();
    read_founding_nodes_of_name(in, config, text);
  }
}

void read_peers(Reading& in, Config& config) {
  const std::string text = in.text("PEERS", "");
  if (text.starts_with(kByName) || text.find("," + std::string(kByName)) != std::string::npos) {
    read_peers_name(in, config, text);
    return;
  }
  std::set<std::string> seen;
  for (size_t begin = 0; begin < text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, comma - begin);
    begin = comma + 1;
    const size_t equals = item.find('=');
    PeerAddress peer{equals == std::string::npos ? "" : item.substr(0, equals),
                     equals == std::string::npos ? item : item.substr(equals + 1)};
    const std::optional<Address> address = parse_address(peer.address);
    if (!address || (equals != std::string::npos && !is_node_id(peer.id))) {
      in.wrong("PEERS", text,
               "has '" + item +
                   "', which is not a peer; use id=host:port or host:port, separated by commas, or one "
                   "dns:name:port");
      return;
    }
    if (!seen.insert(peer.id.empty() ? peer.address : peer.id).second) {
      in.wrong("PEERS", text, "lists '" + item + "' twice; list each node once");
      return;
    }
    const bool self = peer.id.empty() ? is_own_address(in, config, *address) : peer.id == config.node_id;
    if (self) {
      config.advertised_peer = address->text();  // as the others know it
    } else {
      config.peers.push_back(std::move(peer));
    }
  }
  if (config.peers.size() + 1 > limits::kMembersMax) {
    in.wrong("PEERS", text,
             "lists too many nodes; a cluster has at most " + std::to_string(limits::kMembersMax));
  }
  config.founding_nodes = config.peers.size() + 1;
  if (const std::optional<std::string> founding = in.given("FOUNDING_NODES")) {
    if (*founding != std::to_string(config.founding_nodes)) {
      in.wrong("FOUNDING_NODES", *founding,
               "is not the number of PATRONUS_PEERS and this node; leave it out or use " +
                   std::to_string(config.founding_nodes));
    }
  }
}

void read_leader_priority(Reading& in, Config& config) {
  const std::string text = in.text("LEADER_PRIORITY", "0");
  unsigned priority = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), priority);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      priority > limits::kLeaderPriorityMax) {
    in.wrong("LEADER_PRIORITY", text, "is not a priority; use 0 to 100");
    return;
  }
  config.leader_priority = static_cast<uint8_t>(priority);
}

void read_protocol_max(Reading& in, Config& config) {
  const std::string newest = std::to_string(protocol::kNewest);
  const std::string text = in.text("PROTOCOL_MAX", newest);
  unsigned version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      version < protocol::kOldest || version > protocol::kNewest) {
    in.wrong(
        "PROTOCOL_MAX", text,
        "is not a version that this one speaks; use " + std::to_string(protocol::kOldest) + " to " + newest);
    return;
  }
  config.protocol_max = static_cast<protocol::Version>(version);
}

void read_auto_join(Reading& in, Config& config) {
  const std::string text = in.text("AUTO_JOIN", "on");
  if (text != "on" && text != "off") in.wrong("AUTO_JOIN", text, "is neither; use on or off");
  config.auto_join = text != "off";
}

std::optional<Duration> read_duration(Reading& in, std::string_view name, std::string_view otherwise) {
  const std::string text = in.text(name, otherwise);
  const std::optional<Duration> duration = parse_duration(text);
  if (!duration) in.wrong(name, text, "is not a duration; use for example 5, 5s or 500ms");
  return duration;
}

void read_heartbeat(Reading& in, Config& config) {
  const Duration heartbeat_max = config.election_timeout / 5;
  config.heartbeat_interval = std::min<Duration>(std::chrono::seconds(1), heartbeat_max);
  const std::optional<std::string> text = in.given("HEARTBEAT_INTERVAL");
  if (!text) return;
  const std::optional<Duration> heartbeat = read_duration(in, "HEARTBEAT_INTERVAL", "");
  if (!heartbeat) return;
  if (*heartbeat > heartbeat_max || *heartbeat < std::chrono::milliseconds(1)) {
    in.wrong("HEARTBEAT_INTERVAL", *text,
             "is out of range; use 1ms to a fifth of PATRONUS_ELECTION_TIMEOUT, " +
                 format_duration(heartbeat_max));
    return;
  }
  config.heartbeat_interval = *heartbeat;
}

void read_timing(Reading& in, Config& config) {
  const std::optional<Duration> election = read_duration(in, "ELECTION_TIMEOUT", "5");
  // A heartbeat is judged by the default timeout if the one given is no good.
  config.election_timeout = election.value_or(std::chrono::seconds(5));
  if (election && (*election < limits::kElectionTimeoutMin || *election > limits::kElectionTimeoutMax)) {
    in.wrong("ELECTION_TIMEOUT", in.text("ELECTION_TIMEOUT", "5"),
             "is out of range; use " + format_duration(limits::kElectionTimeoutMin) + " to " +
                 format_duration(limits::kElectionTimeoutMax));
    config.election_timeout = std::chrono::seconds(5);
  }
  read_heartbeat(in, config);
  const std::optional<Duration> grace = read_duration(in, "DRAIN_GRACE", "3");
  config.drain_grace = grace.value_or(std::chrono::seconds(3));
  if (grace && *grace > std::chrono::minutes(5)) {
    in.wrong("DRAIN_GRACE", in.text("DRAIN_GRACE", "3"), "is out of range; use 0 to 5m");
  }
  const std::optional<Duration> request = read_duration(in, "REQUEST_TIMEOUT", "10");
  if (!request) return;
  config.request_timeout = *request;
  if (*request < std::chrono::milliseconds(10) || *request > std::chrono::minutes(5)) {
    in.wrong("REQUEST_TIMEOUT", in.text("REQUEST_TIMEOUT", "10"), "is out of range; use 10ms to 5m");
  }
}

}  // namespace

std::string Setting::flag() const {
  std::string flag = "--";
  for (const char c : name) flag += c == '_' ? '-' : static_cast<char>(c - 'A' + 'a');
  return flag;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings{
      {"NODE_ID", "host name", "this node's name; never its address"},
      {"NODE_ADDR", "0.0.0.0:8443", "where HTTPS is served, once there is a certificate"},
      {"TLS_CERT", "", "file of the certificate for HTTPS, which patronusctl tls issue makes"},
      {"TLS_KEY", "", "file of its key"},
      {"LISTEN_PLAIN", "off",
       "where plain HTTP is served besides: a loopback address such as 127.0.0.1:8081"},
      {"ADVERTISE_ADDR", "the address of HTTPS or plain HTTP",
       "host:port under which clients reach this node; the host's name stands for a wildcard"},
      {"PEER_ADDR", "0.0.0.0:7443", "where the other nodes reach this one; without TLS 127.0.0.1:7443"},
      {"PEER_CA", "", "file of the authority that other nodes' certificates must come from; turns TLS on"},
      {"PEER_CERT", "PATRONUS_TLS_CERT", "file of the certificate that other nodes are shown"},
      {"PEER_KEY", "PATRONUS_TLS_KEY", "file of its key"},
      {"TLS_CRL", "",
       "file of revoked certificates, signed by that authority: other nodes that show one are refused, and "
       "clients "
       "find the list at /pki/ca.crl"},
      {"PEERS", "none",
       "the nodes of the cluster: id=host:port,... or host:port,..., or dns:name:port, each of whose "
       "addresses "
       "is a node's"},
      {"FOUNDING_NODES", "all peers and itself",
       "how many nodes must be present and empty to found a cluster; needed with dns:"},
      {"LEADER_PRIORITY", "0",
       "0 to 100: a healthy node with a higher one is handed leadership after a while; equal ones: no wish"},
      {"AUTO_JOIN", "on", "whether a node that starts empty and reaches this one is taken into the cluster"},
      {"PROTOCOL_MAX", "the newest",
       "speak no newer protocol to other nodes than this: an upgrade that is held at the old one can be "
       "undone"},
      {"CLUSTER_SECRET", "", "32 random bytes in hex or base64url; rather name their file in _FILE"},
      {"DATA_DIR", "/data/raft", "where the log is kept"},
      {"DB_PATH", "/data/dashboard.db, or in PATRONUS_DATA_DIR if that is set",
       "the SQLite database that the dashboard's tables are copied to, for Litestream and other readers; "
       "off: none"},
      {"DB_CHECK_INTERVAL", "60",
       "how often all of that database is checked; header and size are each second"},
      {"RESTORE", "",
       "with an empty data directory, brings back a lost cluster from off site: latest, or a time (RFC "
       "3339)"},
      {"RESTORE_FROM", "", "whose backup that is: <target>/<cluster id>"},
      {"RESTORE_NODE", "the lowest id of PATRONUS_PEERS and this node",
       "which node does it; the others begin empty and join it"},
      {"CHECKPOINT_INTERVAL", "30",
       "the state is written to its image this long after it changed, or earlier"},
      {"LOG_RETENTION", "512MiB",
       "how much of the log is kept for nodes that are away; one that lacks more is given the whole state"},
      {"ELECTION_TIMEOUT", "5", "a leader silent for longer is replaced: 5, 5s, 500ms"},
      {"HEARTBEAT_INTERVAL", "1", "how often a leader is heard; at most a fifth of the election timeout"},
      {"REQUEST_TIMEOUT", "10", "after this a request that can't be decided is answered 503 or 504"},
      {"DRAIN_GRACE", "3",
       "how long a node that was told to stop still serves, so that balancers see it is leaving"},
      {"PROBE_INTERVAL", "1",
       "each endpoint and path of sites is probed this often: 1, 1s, 500ms; 0: never, nor are verdicts "
       "given"},
      {"SESSION_IDLE", "2h", "a login that is not used for so long ends"},
      {"SESSION_LIFE", "168h", "a login ends after this, used or not"},
      {"TRUSTED_PROXIES", "127.0.0.1, ::1",
       "balancers whose X-Forwarded-For is believed: addresses or CIDR blocks with commas"},
      {"LOG_LEVEL", "info", "debug, info, warn or error"},
  };
  return kSettings;
}

void read_sessions(Reading& in, Config& config) {
  const std::optional<Duration> idle = read_duration(in, "SESSION_IDLE", "2h");
  const std::optional<Duration> life = read_duration(in, "SESSION_LIFE", "168h");
  config.session_idle = idle.value_or(std::chrono::hours(2));
  config.session_life = life.value_or(std::chrono::hours(168));
  if (config.session_life > std::chrono::hours(24 * 366) || config.session_life < limits::kSessionIdleMin) {
    in.wrong("SESSION_LIFE", in.text("SESSION_LIFE", "168h"), "is out of range; use 2m to 8784h");
    config.session_life =
        std::chrono::hours(168);  // by which idleness is judged, so that one fault is one line
  }
  if (config.session_idle < limits::kSessionIdleMin || config.session_idle > config.session_life) {
    in.wrong("SESSION_IDLE", in.text("SESSION_IDLE", "2h"),
             "is out of range; use 2m to PATRONUS_SESSION_LIFE");
  }
  const std::optional<std::string> proxies = in.given("TRUSTED_PROXIES");
  if (!proxies) return;
  std::variant<auth::TrustedProxies, std::string> parsed = auth::TrustedProxies::parse(*proxies);
  if (const auto* fault = std::get_if<std::string>(&parsed)) {
    in.wrong("TRUSTED_PROXIES", *proxies, *fault);
  } else {
    config.trusted_proxies = std::move(std::get<auth::TrustedProxies>(parsed));
  }
}

void read_storage(Reading& in, Config& config) {
  const std::optional<Duration> interval = read_duration(in, "CHECKPOINT_INTERVAL", "30");
  config.checkpoint_interval = interval.value_or(limits::kCheckpointInterval);
  if (interval &&
      (*interval < limits::kCheckpointIntervalMin || *interval > limits::kCheckpointIntervalMax)) {
    in.wrong("CHECKPOINT_INTERVAL", in.text("CHECKPOINT_INTERVAL", "30"),
             "is out of range; use " + format_duration(limits::kCheckpointIntervalMin) + " to " +
                 format_duration(limits::kCheckpointIntervalMax));
  }
  const std::string text = in.text("LOG_RETENTION", format_size(limits::kLogRetainedBytesMax));
  const std::optional<uint64_t> bytes = parse_size(text);
  if (!bytes) {
    in.wrong("LOG_RETENTION", text, "is not a size; use for example 64MiB");
  } else if (*bytes < limits::kLogRetainedBytesMin || *bytes > limits::kLogRetainedBytesMax) {
    in.wrong("LOG_RETENTION", text,
             "is out of range; use " + format_size(limits::kLogRetainedBytesMin) + " to " +
                 format_size(limits::kLogRetainedBytesMax));
  } else {
    config.log_retained_bytes = *bytes;
  }
}

void read_probes(Reading& in, Config& config) {
  const std::optional<Duration> interval = read_duration(in, "PROBE_INTERVAL", "1");
  if (!interval) return;
  if (*interval != Duration{0} &&
      (*interval < limits::kProbeIntervalMin || *interval > limits::kProbeIntervalMax)) {
    in.wrong("PROBE_INTERVAL", in.text("PROBE_INTERVAL", "1"),
             "is out of range; use " + format_duration(limits::kProbeIntervalMin) + " to " +
                 format_duration(limits::kProbeIntervalMax) + ", or 0 for none");
    return;
  }
  config.probe_interval = *interval;
}

// Of several nodes with the same settings one must do it, or each would found a cluster: the one with the
// lowest id, as where a cluster is founded anew.
void read_restore(Reading& in, Config& config) {
  const std::string at = in.text("RESTORE", "");
  if (at.empty()) return;
  RestoreSetting restore{at, in.text("RESTORE_FROM", ""), in.text("RESTORE_NODE", "")};
  if (at != "latest" && !parse_time(at))
    in.wrong("RESTORE", at, "is no time; use latest, or RFC 3339 such as 2026-03-01T12:00:00Z");
  if (restore.from.empty())
    in.wrong("RESTORE_FROM", "",
             "names no backup, which PATRONUS_RESTORE needs; use <target>/<cluster id>, for example "
             "file:///var/backups/patronus/0123456789abcdef0123456789abcdef");
  const bool all_known =
      !config.peers_name && std::all_of(config.peers.begin(), config.peers.end(),
                                        [](const PeerAddress& peer) { return !peer.id.empty(); });
  if (restore.node.empty() && !all_known) {
    in.wrong("RESTORE_NODE", "",
             "names no node, and PATRONUS_PEERS has no ids to choose from; say which node restores: the "
             "others begin empty and join it");
  } else if (restore.node.empty()) {
    restore.node = config.node_id;
    for (const PeerAddress& peer : config.peers) restore.node = std::min(restore.node, peer.id);
  } else if (!is_node_id(restore.node)) {
    in.wrong("RESTORE_NODE", restore.node, "is no node's id");
  }
  config.restore = std::move(restore);
}

void read_database(Reading& in, Config& config) {
  // A node that is told where to keep its data has all of it there.
  const bool has_place = in.given("DATA_DIR").has_value();
  const std::string text =
      in.text("DB_PATH", has_place ? config.data_dir + "/dashboard.db" : "/data/dashboard.db");
  if (text != "off" && !text.empty()) config.database_path = text;
  if (!text.empty() && text.back() == '/')
    in.wrong("DB_PATH", text,
             "is a directory; name a file in it, such as " + text + "dashboard.db, or use off");
  const std::optional<Duration> interval = read_duration(in, "DB_CHECK_INTERVAL", "60");
  config.database_check_interval = interval.value_or(limits::kDatabaseCheckInterval);
  if (interval &&
      (*interval < limits::kDatabaseCheckIntervalMin || *interval > limits::kDatabaseCheckIntervalMax)) {
    in.wrong("DB_CHECK_INTERVAL", in.text("DB_CHECK_INTERVAL", "60"),
             "is out of range; use " + format_duration(limits::kDatabaseCheckIntervalMin) + " to " +
                 format_duration(limits::kDatabaseCheckIntervalMax));
  }
}

LoadedConfig make_config(const Sources& sources) {
  LoadedConfig loaded;
  Reading in(sources, loaded.errors);
  read_identity(in, sources, loaded.config);
  read_doors(in, loaded.config);
  read_peers(in, loaded.config);
  read_leader_priority(in, loaded.config);
  read_auto_join(in, loaded.config);
  read_protocol_max(in, loaded.config);
  read_cluster_secret(in, loaded.config);
  read_sessions(in, loaded.config);
  read_storage(in, loaded.config);
  read_database(in, loaded.config);
  read_restore(in, loaded.config);
  read_timing(in, loaded.config);
  read_probes(in, loaded.config);
  return loaded;
}

}  // namespace patronus
