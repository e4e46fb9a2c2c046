/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of options that mean the same thing in several services. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

/* How edges prove who they are: what the forwarder shows, and the ingestion asks for. */
#define EDGE_PROOF_OPTIONS                                                               \
    { "CLOUD_AUTH_MODE", SHIM_CHOICE, "none",                                            \
      "none|api_key|hmac|mtls|mtls_hmac: how edges prove who they are; none needs "      \
      "FARMIQ_INSECURE_DEV" },                                                           \
        { "CLOUD_API_KEY", SHIM_SECRET, "", "for api_key" },                             \
    {                                                                                    \
        "CLOUD_HMAC_SECRET", SHIM_SECRET, "", "for hmac"                                 \
    }

/* Where sessions of weighing are, for those who tell of them. */
#define SESSION_SERVICE_OPTION                                                           \
    {                                                                                    \
        "EDGE_WEIGHVISION_SESSION_URL", SHIM_URL,                                        \
            "http://edge-weighvision-session:3000",                                      \
            "base URL of the session service, when it is another process"                \
    }

#define NEIGHBOUR_TIMEOUT_OPTION                                                         \
    {                                                                                    \
        "DOWNSTREAM_TIMEOUT_MS", SHIM_MS, "5000", "how long a neighbour may take"        \
    }

#define MEDIA_BUCKET_OPTION                                                              \
    {                                                                                    \
        "MEDIA_BUCKET", SHIM_STRING, "farmiq-media",                                     \
            "a name that ids of media follow from: the same for ever"                    \
    }

/* What stores of images have (common/image_care.h). */
#define IMAGE_OPTIONS                                                                    \
    { "MEDIA_MAX_UPLOAD_BYTES", SHIM_BYTES, "10M", "longer images are refused" },        \
        { "MEDIA_CLEANUP_INTERVAL_MS", SHIM_MS, "5m",                                    \
          "how often old images are deleted" },                                          \
    {                                                                                    \
        "MEDIA_SWEEP_INTERVAL_MS", SHIM_MS, "1h",                                        \
            "how often bytes without a row, and rows without bytes, are looked for"      \
    }

#endif
