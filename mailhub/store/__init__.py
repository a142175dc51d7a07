"""SQL truth and message segments behind the storage ports; `storage` joins the parts."""
