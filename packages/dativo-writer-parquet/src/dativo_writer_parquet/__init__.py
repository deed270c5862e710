"""Write streams to Parquet files in a folder."""
