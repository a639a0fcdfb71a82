// The directory that holds a cluster's authority, and what is issued from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/patronusctl/files.h"
#include "io/patronusctl/output.h"

namespace patronus::ctl {

// Of a certificate to be made.
struct Lifetime {
  int64_t days = 0;
  std::string not_before;  // RFC 3339; empty: an hour ago, for clocks that run behind
  std::string not_after;   // empty: as many days from now
};

struct InitOptions {
  std::string directory;
  std::string name;      // of the authority; empty: one is made up
  std::string list_url;  // for certificates that are issued later; empty: see list_url.h
  Lifetime lifetime;
};

struct IssueOptions {
  std::string directory;
  std::string out;   // empty: the authority's directory
  std::string node;  // either a node's id
  std::string host;  // or the host name of what is no node, such as a balancer
  std::vector<std::string> names;
  std::string list_url;  // empty: see list_url.h
  Lifetime lifetime;
};

inline constexpr int64_t kAuthorityDays = 3650;
inline constexpr int64_t kLeafDays = 365;

// Each prints what it did or why it could not, and returns the exit code.
[[nodiscard]] int init_authority(const InitOptions& options, Format format);
[[nodiscard]] int issue_certificate(const IssueOptions& options, Format format);
// Issues again what is there: the names of the certificate before and those given, with a new key.
[[nodiscard]] int renew_certificate(IssueOptions options, Format format);
// Exit code kDegraded if a certificate has expired or is about to.
[[nodiscard]] int show_certificates(const std::vector<std::string>& paths, Format format);

}  // namespace patronus::ctl
