"""The contract's tests of bodies once more, with each body in a bucket."""

from __future__ import annotations

import pytest

from tests.contract.test_postgres_bucket import (  # noqa: F401
    bucket,
    make_house,
)
from tests.contract.test_storage_arrivals import (  # noqa: F401 - run here once more
    test_a_delivery_may_be_for_others_only,
    test_a_delivery_reaches_the_inbox,
    test_a_hand_over_twice_in_one_commit_counts_once,
    test_an_empty_message_is_a_message,
    test_copies_of_one_delivery_keep_their_order_and_their_prefix,
    test_replace_swaps_in_one_commit,
    test_the_same_hand_over_again_changes_nothing,
)
from tests.contract.test_storage_moves import (  # noqa: F401
    test_a_copy_outlives_its_source,
)
from tests.contract.test_storage_queue import (  # noqa: F401
    test_a_lease_gets_all_that_it_needs_at_once,
)
from tests.contract.test_storage_reading import (  # noqa: F401
    test_blobs_are_read_in_the_order_asked_and_repeatedly,
    test_bytes_that_are_not_there_are_corrupt,
)

pytestmark = [pytest.mark.live, pytest.mark.scale]
