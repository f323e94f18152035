"""What is process-wide in the backend stays as it was."""

import os
from concurrent.futures import ThreadPoolExecutor

from engine import backend


def test_threads_that_prepare_the_process_at_once_leave_standard_error_where_it_was():
    """The server's warm-up and a page may do it at the same moment."""
    before = os.fstat(2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: backend.prepare_process(), range(200)))
    assert os.path.samestat(os.fstat(2), before)
