// Where a certificate says that the list of revoked certificates is found. What is printed there must be
// served, so it is what the operator says, or else what a node serves by itself.
#pragma once

#include <string>
#include <variant>

#include "io/patronusctl/authority.h"

namespace patronus::ctl {

// In place of a URL: the certificate shall not say.
inline constexpr const char* kNoListUrl = "none";

// Why this can't be a value of --crl-url; empty if it can.
[[nodiscard]] std::string check_list_url(const std::string& url);

struct ListUrlFault {
  std::string text;
};
// The URL for a certificate, empty for none: that of the options; or that in the authority's directory, from
// tls init; or /pki/ca.crl under the first of the names by which clients reach it: on a node's own port,
// which is 8443 unless it is told otherwise, or on 443 for a balancer.
[[nodiscard]] std::variant<std::string, ListUrlFault> list_url_of(const IssueOptions& options);

}  // namespace patronus::ctl
