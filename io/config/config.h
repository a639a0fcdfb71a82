// The node's configuration: flag, then environment, then file, then default. A wrong value is one line that
// names the variable, the value and what would do.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/limits.h"
#include "core/base/protocol.h"
#include "core/base/time.h"
#include "core/base/types.h"
#include "io/auth/remote.h"
#include "io/config/address.h"
#include "io/peer_links.h"

namespace patronus {

// A file the operator named, and by which variable: errors name both.
struct PathSetting {
  std::string variable;
  std::string path;
};

// PEM files. The authority is empty where the other end is not asked for a certificate.
struct TlsPaths {
  PathSetting certificate;
  PathSetting key;
  PathSetting authority;
};

// A lost cluster, to be brought back from off site when this node starts with nothing.
struct RestoreSetting {
  std::string at;    // latest, or RFC 3339
  std::string from;  // <target>/<cluster id>
  NodeId node;       // which of the nodes does it
};

struct Config {
  NodeId node_id;
  std::optional<Address> listen_https;  // served with https_tls
  std::optional<TlsPaths> https_tls;
  std::optional<Address> listen_plain;
  Address peer_address;
  std::optional<TlsPaths> peer_tls;        // nodes talk in plain text without it, on loopback
  std::optional<PathSetting> revocations;  // certificates that are refused, lists of peer_tls's authority
  std::string advertised_api;         // host:port where clients reach this node, by HTTPS if that is served
  std::string advertised_peer;        // host:port where the other nodes do
  std::string cluster_secret;         // the bytes; empty if there is none
  std::vector<PeerAddress> peers;     // without this node itself
  std::optional<Address> peers_name;  // instead: each address it has is a node's, one may be this node's own
  size_t founding_nodes = 1;
  uint8_t leader_priority = 0;
  protocol::Version protocol_max = protocol::kNewest;
  bool auto_join = true;  // empty nodes that come are taken in
  std::string data_dir;
  std::string database_path;  // empty: there is none
  Duration database_check_interval = limits::kDatabaseCheckInterval;
  std::optional<RestoreSetting> restore;
  Duration checkpoint_interval = limits::kCheckpointInterval;
  size_t log_retained_bytes = limits::kLogRetainedBytesMax;
  Duration election_timeout{};
  Duration heartbeat_interval{};
  Duration request_timeout{};
  Duration drain_grace{};
  Duration probe_interval = std::chrono::seconds(1);  // 0: sites are not probed
  Duration session_idle{};
  Duration session_life{};
  auth::TrustedProxies trusted_proxies;
  std::string log_level;
};

// One setting: PATRONUS_<name> in environment and file, --<name in lower case with dashes> as a flag.
struct Setting {
  std::string_view name;
  std::string_view default_text;  // as it is shown; empty: none
  std::string_view help;

  std::string variable() const { return "PATRONUS_" + std::string(name); }
  std::string flag() const;
};

[[nodiscard]] const std::vector<Setting>& settings();

// Where values come from, by the setting's name (such as ELECTION_TIMEOUT).
struct Sources {
  std::map<std::string, std::string, std::less<>> flags;
  std::map<std::string, std::string, std::less<>> environment;  // with the values of _FILE variables read
  std::map<std::string, std::string, std::less<>> file;
  std::string host_name;
  std::vector<std::string> own_addresses;  // of this machine's interfaces, without those nobody else reaches
};

struct LoadedConfig {
  Config config;
  std::vector<std::string> errors;  // a line each; the configuration is good if there is none
};
[[nodiscard]] LoadedConfig make_config(const Sources& sources);

// The bytes of a cluster secret, from its text in hex or base64url; nothing if it is none.
[[nodiscard]] std::optional<std::string> parse_cluster_secret(std::string_view text);

// Reads the process's environment: PATRONUS_X, and PATRONUS_X_FILE whose file's content is the value (without
// the last line end). Variables of that prefix that this version does not know are returned in `unknown`: the
// environment is not only ours (Kubernetes adds some for services), so they are no error.
void read_environment(const char* const* environment, Sources& sources, std::vector<std::string>& errors,
                      std::vector<std::string>& unknown);

// Lines PATRONUS_X=value; blank lines and those that begin with # are skipped. Unknown names are errors.
void read_config_file(const std::string& path, Sources& sources, std::vector<std::string>& errors);

}  // namespace patronus
