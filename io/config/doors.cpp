// The addresses a node serves on and the certificates it shows there. HTTPS wants a certificate and its key,
// peers an authority besides; what is not encrypted is served on loopback only.
#include <utility>

#include "io/config/reading.h"

namespace patronus {
namespace {

constexpr const char* kHowToGetCertificates =
    "the files that patronusctl tls init and patronusctl tls issue make";

bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

bool is_given(const Reading& in, std::string_view name) { return !in.text(name, "").empty(); }

// A certificate or key in place of its file's name is an easy slip (PATRONUS_X_FILE holds a value), and a key
// must never end in a log.
bool is_path(Reading& in, std::string_view name) {
  const std::string text = in.text(name, "");
  if (text.find("-----BEGIN") == std::string::npos && text.find('\n') == std::string::npos) return true;
  in.wrong_secret(name, "holds what belongs into a file; set PATRONUS_" + std::string(name) +
                            " itself, without _FILE, to the path of the file");
  return false;
}

PathSetting path_of(const Reading& in, std::string_view name) {
  return {"PATRONUS_" + std::string(name), in.text(name, "")};
}

// Both of a pair, or a complaint about the one that is missing.
bool has_pair(Reading& in, std::string_view certificate, std::string_view key, std::string_view what) {
  if (!is_path(in, certificate) || !is_path(in, key)) return false;
  if (is_given(in, certificate) && is_given(in, key)) return true;
  const bool lacks_key = is_given(in, certificate);
  in.wrong(lacks_key ? key : certificate, "",
           "is not set, but PATRONUS_" + std::string(lacks_key ? certificate : key) + " is; " +
               std::string(what) + " needs both, use " + kHowToGetCertificates);
  return false;
}

std::optional<Address> read_address(Reading& in, std::string_view name, std::string_view otherwise) {
  const std::string text = in.text(name, otherwise);
  std::optional<Address> address = parse_address(text);
  if (!address) {
    in.wrong(name, text, "is not an address; use host:port, for example " + std::string(otherwise));
  }
  return address;
}

void read_https(Reading& in, Config& config) {
  const bool wanted = is_given(in, "TLS_CERT") || is_given(in, "TLS_KEY");
  if (!wanted) {
    if (const std::optional<std::string> address = in.given("NODE_ADDR")) {
      in.wrong("NODE_ADDR", *address,
               std::string("is for HTTPS, which needs a certificate; set PATRONUS_TLS_CERT and "
                           "PATRONUS_TLS_KEY to ") +
                   kHowToGetCertificates);
    }
    return;
  }
  const std::optional<Address> address = read_address(in, "NODE_ADDR", "0.0.0.0:8443");
  if (!has_pair(in, "TLS_CERT", "TLS_KEY", "HTTPS") || !address) return;
  config.listen_https = address;
  config.https_tls = TlsPaths{path_of(in, "TLS_CERT"), path_of(in, "TLS_KEY"), {}};
}

void read_plain(Reading& in, Config& config) {
  const std::string text = in.text("LISTEN_PLAIN", "");
  const bool has_https = is_given(in, "TLS_CERT") || is_given(in, "TLS_KEY");
  if (text.empty() || text == "off") {
    if (has_https || in.given("NODE_ADDR")) return;
    in.wrong("LISTEN_PLAIN", text,
             std::string("is not set, nor is PATRONUS_TLS_CERT for HTTPS; set PATRONUS_TLS_CERT and "
                         "PATRONUS_TLS_KEY to ") +
                 kHowToGetCertificates + ", or serve plain HTTP on loopback, for example 127.0.0.1:8081");
    return;
  }
  const std::optional<Address> address = read_address(in, "LISTEN_PLAIN", "127.0.0.1:8081");
  if (!address) return;
  if (!address->is_loopback()) {
    in.wrong("LISTEN_PLAIN", text,
             "is not a loopback address; plain HTTP is served there only, use for example 127.0.0.1:" +
                 std::to_string(address->port) + ", and PATRONUS_NODE_ADDR for HTTPS");
    return;
  }
  config.listen_plain = address;
}

// True if peers are to be encrypted; the complaints are made if that can't be.
bool read_peer_tls(Reading& in, Config& config) {
  const bool has_own = is_given(in, "PEER_CERT") || is_given(in, "PEER_KEY");
  if (!is_given(in, "PEER_CA")) {
    if (!has_own) return false;
    in.wrong("PEER_CA", "",
             "is not set, but " +
                 std::string(is_given(in, "PEER_CERT") ? "PATRONUS_PEER_CERT" : "PATRONUS_PEER_KEY") +
                 " is; peers are checked against it, use the ca.crt that patronusctl tls init makes");
    return true;
  }
  if (!is_path(in, "PEER_CA")) return true;
  const std::string_view certificate = has_own ? "PEER_CERT" : "TLS_CERT";
  const std::string_view key = has_own ? "PEER_KEY" : "TLS_KEY";
  if (!has_own && !is_given(in, certificate) && !is_given(in, key)) {
    in.wrong("PEER_CERT", "",
             std::string("is not set, nor is PATRONUS_TLS_CERT, but PATRONUS_PEER_CA is; a node shows its "
                         "peers a certificate too, use ") +
                 kHowToGetCertificates);
    return true;
  }
  // Half of the pair for HTTPS has been complained of already.
  const bool complete =
      has_own ? has_pair(in, certificate, key, "a node's own certificate") : config.https_tls.has_value();
  if (complete)
    config.peer_tls = TlsPaths{path_of(in, certificate), path_of(in, key), path_of(in, "PEER_CA")};
  return true;
}

void read_revocations(Reading& in, Config& config) {
  if (!is_given(in, "TLS_CRL") || !is_path(in, "TLS_CRL")) return;
  if (!is_given(in, "PEER_CA")) {
    in.wrong("TLS_CRL", in.text("TLS_CRL", ""),
             "can't be checked without the authority that signed it; set PATRONUS_PEER_CA to the ca.crt "
             "beside it");
    return;
  }
  config.revocations = path_of(in, "TLS_CRL");
}

void read_peer_door(Reading& in, Config& config) {
  const bool encrypted = read_peer_tls(in, config);
  const std::optional<Address> address =
      read_address(in, "PEER_ADDR", encrypted ? "0.0.0.0:7443" : "127.0.0.1:7443");
  if (!address) return;
  if (!encrypted && !address->is_loopback()) {
    in.wrong("PEER_ADDR", in.text("PEER_ADDR", ""),
             std::string("is not a loopback address, and without TLS nodes talk there only; set "
                         "PATRONUS_PEER_CA, PATRONUS_TLS_CERT and PATRONUS_TLS_KEY to ") +
                 kHowToGetCertificates + ", or use for example 127.0.0.1:" + std::to_string(address->port));
  }
  config.peer_address = *address;
}

// The address as others can use it: a wildcard is replaced by the host's name.
std::optional<Address> reachable(const Reading& in, const Address& served) {
  if (!is_wildcard(served.host)) return served;
  return parse_address(in.host_name() + ":" + std::to_string(served.port));
}

void read_advertised(Reading& in, Config& config) {
  config.advertised_peer = reachable(in, config.peer_address).value_or(config.peer_address).text();
  if (const std::optional<std::string> text = in.given("ADVERTISE_ADDR")) {
    const std::optional<Address> address = parse_address(*text);
    if (!address || is_wildcard(address->host)) {
      in.wrong("ADVERTISE_ADDR", *text,
               "is not an address that clients could use; use host:port, for example dashboard1:8443");
      return;
    }
    config.advertised_api = address->text();
    return;
  }
  const std::optional<Address>& served = config.listen_https ? config.listen_https : config.listen_plain;
  if (!served) return;  // which has been complained of
  const std::optional<Address> address = reachable(in, *served);
  if (!address) {
    in.wrong("ADVERTISE_ADDR", "",
             "is not set, and this host has no name to use instead; use for example dashboard1:" +
                 std::to_string(served->port));
    return;
  }
  config.advertised_api = address->text();
}

}  // namespace

void read_doors(Reading& in, Config& config) {
  read_https(in, config);
  read_plain(in, config);
  read_peer_door(in, config);
  read_revocations(in, config);
  read_advertised(in, config);
}

}  // namespace patronus
