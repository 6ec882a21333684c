/* zsip: everything at once. SPDX-License-Identifier: MIT */
#ifndef ZSIP_ZSIP_H
#define ZSIP_ZSIP_H

#include "zsip/base.h"
#include "zsip/endpoint.h"
#include "zsip/host.h"
#include "zsip/parser.h"
#include "zsip/worker.h"
#include "zsip/writer.h"

#endif
